import { commands, l10n, ThemeIcon, TreeItem, Uri, window } from 'vscode';
import type { App } from '../app';
import { openProjectFile } from '../chat/open';
import type { McpServer, Rule, Skill, Tool, TrustItem } from '../protocol';
import { GroupItem } from './tree';

const MCP_STATES: Record<McpServer['state'], [string, string]> = {
  not_agreed: [l10n.t('wants your agreement'), 'question'],
  starting: [l10n.t('starting'), 'loading~spin'],
  connected: [l10n.t('connected'), 'check'],
  reconnecting: [l10n.t('connecting again'), 'loading~spin'],
  failed: [l10n.t('failed'), 'error'],
  stopped: [l10n.t('stopped'), 'circle-slash'],
};
const VERDICTS = { allow: 'check', ask: 'question', deny: 'circle-slash' } as const;

export class RuleItem extends TreeItem {
  override readonly contextValue: string;

  constructor(readonly value: Rule) {
    super(`${value.tool} ${value.pattern === '*' ? '' : value.pattern}`.trim());
    this.id = `rule/${value.id ?? `${value.tool}/${value.pattern}/${value.verdict}`}`;
    this.description = `${value.verdict} · ${SOURCES[value.source] ?? value.source}`;
    this.iconPath = new ThemeIcon(VERDICTS[value.verdict]);
    this.contextValue = value.id ? 'rule' : 'settingsRule';
  }
}

const SOURCES: Record<string, string> = {
  settings: l10n.t('from the settings'),
  given: l10n.t('while the server runs'),
  granted: l10n.t('for this project'),
  session: l10n.t('in this session'),
};

export class SkillItem extends TreeItem {
  override readonly contextValue = 'skill';

  constructor(readonly value: Skill) {
    super(value.name);
    this.id = `skill/${value.scope}/${value.name}`;
    const trust = { new: l10n.t('not agreed yet'), changed: l10n.t('changed since you agreed'), agreed: '' }[
      value.trust
    ];
    this.description = [value.scope === 'global' ? 'everywhere' : '', trust].filter(Boolean).join(' · ');
    this.tooltip = value.description;
    this.iconPath = new ThemeIcon(value.trust === 'agreed' ? 'tools' : 'shield');
    this.command = { title: l10n.t('Open Skill'), command: 'vscode.open', arguments: [Uri.parse(value.uri)] };
  }
}

/** What the project brings, and whether the user agreed to it as it is. */
export class TrustRow extends TreeItem {
  override readonly contextValue: string;

  constructor(readonly value: TrustItem) {
    super(value.id.replace(/^[^:]*:/, ''));
    const { id, kind, state, path } = value;
    this.id = `trust/${id}`;
    this.contextValue = state === 'agreed' ? 'agreed' : 'notAgreed';
    const said = {
      new: l10n.t('not agreed yet'),
      changed: l10n.t('changed since you agreed'),
      agreed: l10n.t('agreed'),
    };
    this.description = `${kind} · ${said[state]}`;
    this.tooltip = path;
    this.iconPath = new ThemeIcon(state === 'agreed' ? 'verified' : 'shield');
    this.command = { title: l10n.t('Read It'), command: 'mazu.readTrusted', arguments: [this] };
  }
}

/** Nothing is agreed to that was not shown: the file is opened, and the hash is of what was read. */
async function agree({ server }: App, { id, path, hash }: TrustItem): Promise<void> {
  await openProjectFile(path).catch(() => undefined);
  const yes = l10n.t('Agree');
  const detail = l10n.t(
    'It works for the agent from now on, as it is in {0}. If it changes, you are asked again.',
    path,
  );
  const asked = l10n.t('Mazu: agree to {0}?', id.replace(':', ' '));
  if ((await window.showWarningMessage(asked, { modal: true, detail }, yes)) !== yes) return;
  await server.execute('mazu.trust.agree', { id, hash });
}

/** Takes back a rule that was given or granted; agrees to what the project brings, and takes that back. */
export function registerAgentCommands(app: App): void {
  app.command('mazu.readTrusted', (item) => item instanceof TrustRow && openProjectFile(item.value.path));
  app.command('mazu.agreeTrusted', async (item) => {
    if (item instanceof TrustRow) await agree(app, item.value);
    app.refreshViews();
  });
  app.command('mazu.revokeTrusted', async (item) => {
    if (item instanceof TrustRow) await app.server.execute('mazu.trust.revoke', { id: item.value.id });
    app.refreshViews();
  });
  app.command('mazu.revokeRule', async (item) => {
    if (item instanceof RuleItem && item.value.id) {
      await app.server.execute('mazu.permissions.revoke', { id: item.value.id });
      await commands.executeCommand('mazu.refreshViews');
    }
  });
}

/** What the agent can do and may do: MCP servers, skills, tools, rules. */
export async function agentRows({ server }: App): Promise<TreeItem[]> {
  const [status, { skills }, { tools }, { mode, rules }, { items }] = await Promise.all([
    server.execute('mazu.status'),
    server.execute('mazu.skills.list'),
    server.execute('mazu.tools.list'),
    server.execute('mazu.permissions.list'),
    server.execute('mazu.trust.list'),
  ]);
  const permissions = new GroupItem(l10n.t('Permissions'), 'permissions', [
    modeItem(mode),
    ...rules.map((rule) => new RuleItem(rule)),
  ]);
  permissions.description = l10n.t('mode {0}', mode);
  const brought = items.map((item) => new TrustRow(item));
  return [
    permissions,
    ...(brought.length ? [new GroupItem(l10n.t('Brought by this project'), 'trust', brought)] : []),
    new GroupItem(l10n.t('MCP servers'), 'mcp', (status.mcpServers ?? []).map(mcpItem)),
    new GroupItem(
      l10n.t('Skills'),
      'skills',
      skills.map((skill) => new SkillItem(skill)),
    ),
    new GroupItem(l10n.t('Tools'), 'tools', tools.map(toolItem), false),
  ];
}

function modeItem(mode: string): TreeItem {
  const item = new TreeItem(l10n.t('Mode: {0}', mode));
  item.id = 'mode';
  item.iconPath = new ThemeIcon('shield');
  item.command = { title: l10n.t('Select Permission Mode'), command: 'mazu.selectMode' };
  return item;
}

function mcpItem({ name, state, tools, detail }: McpServer): TreeItem {
  const [said, icon] = MCP_STATES[state];
  const item = new TreeItem(name);
  item.id = `mcp/${name}`;
  item.description = state === 'connected' ? l10n.t('{0}, {1} tools', said, tools) : said;
  item.tooltip = detail ?? '';
  item.iconPath = new ThemeIcon(icon);
  return item;
}

function toolItem({ name, description, effect, source }: Tool): TreeItem {
  const item = new TreeItem(name);
  item.id = `tool/${name}`;
  item.description = [effect, source === 'builtin' ? '' : source].filter(Boolean).join(' · ');
  item.tooltip = description;
  item.iconPath = new ThemeIcon('symbol-method');
  return item;
}
