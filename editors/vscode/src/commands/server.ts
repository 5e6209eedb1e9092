import { commands, window, l10n } from 'vscode';
import type { App } from '../app';
import { installServer } from './install';
import { runMenu } from './menu';

const MODES = [
  { label: 'ask', description: l10n.t('Ask before edits and commands') },
  { label: 'auto', description: l10n.t('Edits and harmless commands run; everything else is refused') },
  { label: 'plan', description: l10n.t('Read only') },
  { label: 'bypass', description: l10n.t('Ask about almost nothing; hard denials still apply') },
] as const;

/** The server itself: model, mode, keys, log, restart. */
export function registerServerCommands(app: App): void {
  app.command('mazu.showLog', () => app.log.show());
  app.command('mazu.restartServer', () => app.server.restart());
  app.command('mazu.setApiKey', () => setApiKey(app));
  app.command('mazu.selectModel', () => selectModel(app));
  app.command('mazu.selectMode', (mode) => selectMode(app, typeof mode === 'string' ? mode : undefined));
  app.command('mazu.installServer', () => installServer(app));
  app.command('mazu.openWalkthrough', () =>
    commands.executeCommand('workbench.action.openWalkthrough', `${app.context.extension.id}#start`),
  );
  app.command('mazu.openLimits', () => commands.executeCommand('workbench.action.openSettings', 'mazu.limits'));
  app.command('mazu.showMenu', () => runMenu(app.server));
}

async function setApiKey({ keys, server }: App): Promise<void> {
  if ((await keys.ask()) && server.condition !== 'untrusted') await server.restart();
}

async function selectModel({ server }: App): Promise<void> {
  const { models, current } = await server.execute('mazu.models.list');
  const items = models.map(({ name, ready }) => ({
    label: name,
    description: name === current ? 'current' : ready ? '' : l10n.t('needs an API key'),
  }));
  const chosen = await window.showQuickPick(items, {
    title: l10n.t('Mazu: model'),
    placeHolder: current ?? l10n.t('No model is chosen'),
  });
  if (chosen) await server.execute('mazu.models.set', { model: chosen.label });
}

async function selectMode({ server, status }: App, given: string | undefined): Promise<void> {
  const title = l10n.t('Mazu: what may the agent do without asking?');
  const known = MODES.find(({ label }) => label === given);
  const mode = (known ?? (await window.showQuickPick(MODES, { title })))?.label;
  if (!mode) return;
  const confirm = mode === 'bypass' ? await confirmBypass() : undefined;
  if (mode === 'bypass' && !confirm) return;
  await server.execute('mazu.permissions.mode', { mode, ...(confirm ? { confirm } : {}) });
  status.refresh(0);
}

/** What the user typed to let it work without asking; undefined where they thought better of it. */
function confirmBypass(): Thenable<string | undefined> {
  return window.showInputBox({
    title: l10n.t('Mazu: allow everything without asking?'),
    prompt: l10n.t('Edits and commands run without asking until you change the mode. Type "bypass" to confirm.'),
    ignoreFocusOut: true,
    validateInput: (value) => (value === 'bypass' ? null : l10n.t('Type "bypass", or press Escape')),
  });
}
