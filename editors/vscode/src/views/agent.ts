import { commands, l10n, ThemeIcon, TreeItem, Uri, window, workspace } from 'vscode';
import type { App } from '../app';
import { counted } from '../describe';
import { openFile } from '../chat/open';
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
/** How often a server that is being connected is looked at: nothing says when it is. */
const MCP_LOOK_MS = 1000;
/** The changed files of one server that are opened at once. */
const MOST_SHOWN = 5;
const VERDICTS = { allow: 'check', ask: 'question', deny: 'circle-slash' } as const;

export class RuleItem extends TreeItem {
  override readonly contextValue: string;

  constructor(readonly value: Rule) {
    super(`${value.tool} ${value.pattern === '*' ? '' : value.pattern}`.trim());
    this.id = `rule/${value.id ?? `${value.tool}/${value.pattern}/${value.verdict}`}`;
    this.description = `${value.verdict} · ${SOURCES[value.source] ?? value.source}`;
    this.iconPath = new ThemeIcon(VERDICTS[value.verdict]);
    this.contextValue = value.id ? 'rule' : 'settingsRule';
    if (!value.id) this.command = openSetting('mazu.permissions.rules');
  }
}

const KINDS: Record<TrustItem['kind'], string> = {
  role: l10n.t('role document'),
  skill: l10n.t('skill'),
  tool: l10n.t('tool file'),
  mcp: l10n.t('MCP server'),
};
const SOURCES: Record<string, string> = {
  settings: l10n.t('from the settings'),
  given: l10n.t('while the server runs'),
  granted: l10n.t('for this project'),
  session: l10n.t('in this session'),
};

const openSetting = (name: string) => ({
  title: l10n.t('Open Setting'),
  command: 'workbench.action.openSettings',
  arguments: [name],
});

/** What menus look for in the row of something that the user may have agreed to. */
const trustContext = (brought: TrustItem | undefined, other: string): string =>
  brought ? (brought.state === 'agreed' ? 'agreed' : 'notAgreed') : other;

export class SkillItem extends TreeItem {
  override readonly contextValue: string;

  /** `trust`: where the project brings it. */
  constructor(
    readonly value: Skill,
    readonly trust: TrustItem | undefined,
  ) {
    super(value.name);
    this.contextValue = trustContext(trust, 'skill');
    this.id = `skill/${value.scope}/${value.name}`;
    const said = { new: l10n.t('not agreed yet'), changed: l10n.t('changed since you agreed'), agreed: '' }[
      value.trust
    ];
    this.description = [value.scope === 'global' ? l10n.t('everywhere') : '', said].filter(Boolean).join(' · ');
    this.tooltip = value.description;
    this.iconPath = new ThemeIcon(value.trust === 'agreed' ? 'tools' : 'shield');
    this.command = { title: l10n.t('Open Skill'), command: 'vscode.open', arguments: [Uri.parse(value.uri)] };
  }
}

/** An MCP server, with its state and what mends it. */
export class McpItem extends TreeItem {
  override readonly contextValue: string;

  /** `trust`: where the project brings it. */
  constructor(
    { name, state, tools, waiting = [], detail }: McpServer,
    readonly trust: TrustItem | undefined,
  ) {
    super(name);
    const [said, icon] = MCP_STATES[state];
    this.id = `mcp/${name}`;
    this.contextValue = trustContext(trust, 'mcp');
    this.description = [
      state === 'connected' ? `${said}, ${counted(tools, 'tool')}` : said,
      waiting.length ? l10n.t('{0} new or changed', waiting.length) : '',
    ]
      .filter(Boolean)
      .join(' · ');
    this.tooltip = [detail ?? '', ...waiting].filter(Boolean).join('\n');
    this.iconPath = new ThemeIcon(waiting.length ? 'question' : icon);
    this.command = trust
      ? { title: l10n.t('Read It'), command: 'mazu.readTrusted', arguments: [this] }
      : openSetting('mazu.mcpServers');
  }
}

/** What the project brings, and whether the user agreed to it as it is. */
export class TrustRow extends TreeItem {
  override readonly contextValue: string;

  constructor(readonly trust: TrustItem) {
    super(trust.id.replace(/^[^:]*:/, ''));
    const { id, kind, state, path, host = '' } = trust;
    this.id = `trust/${id}`;
    this.contextValue = trustContext(trust, '');
    const said = {
      new: l10n.t('not agreed yet'),
      changed: l10n.t('changed since you agreed'),
      agreed: l10n.t('agreed'),
    };
    this.description = `${KINDS[kind]} · ${said[state]}`;
    this.tooltip = host ? `${path} · ${host}` : path;
    this.iconPath = new ThemeIcon(state === 'agreed' ? 'verified' : 'shield');
    this.command = { title: l10n.t('Read It'), command: 'mazu.readTrusted', arguments: [this] };
  }
}

/** Shows what is to be read: the files that changed, or that which says what there is. */
async function read({ path, files = [] }: TrustItem): Promise<string> {
  for (const file of files.length ? files.slice(0, MOST_SHOWN) : [path]) await openFile(Uri.file(file));
  return (files.length ? files : [path]).map((file) => workspace.asRelativePath(file)).join(', ');
}

/** Nothing is agreed to that was not shown: the file is opened, and the hash is of what was read. */
async function agree({ server }: App, trust: TrustItem): Promise<void> {
  const { id, kind, hash, host = '' } = trust;
  const path = await read(trust);
  const yes = l10n.t('Agree');
  const detail = l10n.t(
    'It works for the agent from now on, as it is in {0}. If it changes, you are asked again.',
    path,
  );
  const asked = l10n.t('Mazu: agree to the {0} {1}?', KINDS[kind], id.replace(/^[^:]*:/, ''));
  const shown = host ? `${detail} (${host})` : detail;
  if ((await window.showWarningMessage(asked, { modal: true, detail: shown }, yes)) !== yes) return;
  await server.execute('mazu.trust.agree', { id, hash });
}

/** Takes back a rule that was given or granted; agrees to what the project brings, and takes that back. */
export function registerAgentCommands(app: App): void {
  const brought = (item: unknown) =>
    item instanceof TrustRow || item instanceof SkillItem || item instanceof McpItem ? item.trust : undefined;
  app.command('mazu.readTrusted', (item) => {
    const trust = brought(item);
    return trust && read(trust);
  });
  app.command('mazu.agreeTrusted', async (item) => {
    const trust = brought(item);
    if (trust) await agree(app, trust);
    app.refreshViews();
  });
  app.command('mazu.revokeTrusted', async (item) => {
    const trust = brought(item);
    if (trust) await app.server.execute('mazu.trust.revoke', { id: trust.id });
    app.refreshViews();
  });
  app.command('mazu.revokeRule', async (item) => {
    if (item instanceof RuleItem && item.value.id) {
      await app.server.execute('mazu.permissions.revoke', { id: item.value.id });
      await commands.executeCommand('mazu.refreshViews');
    }
  });
}

let look: NodeJS.Timeout | undefined;

/** What the agent can do and may do: MCP servers, skills, tools, rules. `again` is called where it will soon be something else. */
export async function agentRows({ server }: App, again: () => void): Promise<TreeItem[]> {
  const [status, { skills }, { tools }, { mode, rules }, { items }] = await Promise.all([
    server.execute('mazu.status'),
    server.execute('mazu.skills.list'),
    server.execute('mazu.tools.list'),
    server.execute('mazu.permissions.list'),
    server.execute('mazu.trust.list'),
  ]);
  const servers = status.mcpServers ?? [];
  clearTimeout(look); // one at a time, however often the rows are read
  if (servers.some(({ state }) => state === 'starting' || state === 'reconnecting'))
    look = setTimeout(again, MCP_LOOK_MS);
  const permissions = new GroupItem(l10n.t('Permissions'), 'permissions', [
    modeItem(mode),
    ...rules.map((rule) => new RuleItem(rule)),
  ]);
  permissions.description = l10n.t('mode {0}', mode);
  const brought = items.map((item) => new TrustRow(item));
  const trusted = (kind: string, name: string) => items.find((item) => item.id === `${kind}:${name}`);
  return [
    permissions,
    ...(brought.length ? [new GroupItem(l10n.t('Brought by this project'), 'trust', brought)] : []),
    new GroupItem(
      l10n.t('MCP servers'),
      'mcp',
      servers.map((one) => new McpItem(one, trusted('mcp', one.name))),
    ),
    new GroupItem(
      l10n.t('Skills'),
      'skills',
      skills.map((skill) => new SkillItem(skill, skill.scope === 'project' ? trusted('skill', skill.name) : undefined)),
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

function toolItem({ name, description, effect, source }: Tool): TreeItem {
  const item = new TreeItem(name);
  item.id = `tool/${name}`;
  item.description = [effect, source === 'builtin' ? '' : source].filter(Boolean).join(' · ');
  item.tooltip = description;
  item.iconPath = new ThemeIcon('symbol-method');
  return item;
}
