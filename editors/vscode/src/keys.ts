import { type ExtensionContext, l10n, window } from 'vscode';

const PROVIDERS = [
  { label: 'Anthropic', variable: 'ANTHROPIC_API_KEY' },
  { label: 'OpenAI', variable: 'OPENAI_API_KEY' },
  { label: 'DeepSeek', variable: 'DEEPSEEK_API_KEY' },
  { label: 'Gemini', variable: 'GEMINI_API_KEY' },
];
const INDEX = 'mazu.keys';
const secretName = (variable: string) => `mazu.key.${variable}`;

/**
 * API keys: kept in VS Code's secret storage, given to the server in its environment, never in settings.
 * The names of the variables (not the keys) are remembered apart, because secrets cannot be listed.
 */
export class Keys {
  constructor(private readonly context: ExtensionContext) {}

  /** Variables for the server's environment. */
  async environment(): Promise<Record<string, string>> {
    const environment: Record<string, string> = {};
    for (const variable of this.variables()) {
      const key = await this.context.secrets.get(secretName(variable));
      if (key) environment[variable] = key;
    }
    return environment;
  }

  /** Asks for a provider and its key; an empty one removes what was stored. True when something changed. */
  async ask(): Promise<boolean> {
    const variable = await this.askVariable();
    if (!variable) return false;
    const stored = this.variables().includes(variable);
    const key = await window.showInputBox({
      title: `Mazu: ${variable}`,
      prompt: stored ? l10n.t('Paste the new key, or leave empty to remove the stored one') : l10n.t('Paste the key'),
      password: true,
      ignoreFocusOut: true,
    });
    if (key === undefined || (!key.trim() && !stored)) return false;
    await this.store(variable, key.trim());
    return true;
  }

  private async askVariable(): Promise<string | undefined> {
    const stored = new Set(this.variables());
    const known = new Set(PROVIDERS.map((provider) => provider.variable));
    const own = [...stored]
      .filter((variable) => !known.has(variable))
      .map((variable) => ({ label: variable, variable }));
    const chosen = await window.showQuickPick(
      [...PROVIDERS, ...own, { label: l10n.t('Another endpoint…'), variable: '' }].map((item) => ({
        ...item,
        description: stored.has(item.variable) ? 'stored' : '',
        detail: item.variable,
      })),
      { title: l10n.t('Mazu: whose API key?') },
    );
    if (!chosen || chosen.variable) return chosen?.variable;
    return window.showInputBox({
      title: l10n.t('Mazu: name of the environment variable'),
      prompt: l10n.t('The one that api_key_env names in the setting mazu.models'),
      validateInput: (value) =>
        /^[A-Z_][A-Z0-9_]*_(KEY|TOKEN)$/.test(value) ? null : l10n.t('For example MY_ENDPOINT_API_KEY'),
    });
  }

  private async store(variable: string, key: string): Promise<void> {
    const others = this.variables().filter((name) => name !== variable);
    if (key) await this.context.secrets.store(secretName(variable), key);
    else await this.context.secrets.delete(secretName(variable));
    await this.context.globalState.update(INDEX, key ? [...others, variable] : others);
  }

  private variables(): string[] {
    return this.context.globalState.get<string[]>(INDEX, []);
  }
}
