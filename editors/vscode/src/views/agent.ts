import { commands, ThemeIcon, TreeItem, Uri } from 'vscode';
import type { App } from '../app';
import type { McpServer, Rule, Skill, Tool } from '../protocol';
import { GroupItem } from './tree';

const MCP_STATES: Record<McpServer['state'], [string, string]> = {
  not_agreed: ['wants your agreement', 'question'],
  starting: ['starting', 'loading~spin'],
  connected: ['connected', 'check'],
  reconnecting: ['connecting again', 'loading~spin'],
  failed: ['failed', 'error'],
  stopped: ['stopped', 'circle-slash'],
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
  settings: 'from the settings',
  given: 'while the server runs',
  granted: 'for this project',
  session: 'in this session',
};

export class SkillItem extends TreeItem {
  override readonly contextValue = 'skill';

  constructor(readonly value: Skill) {
    super(value.name);
    this.id = `skill/${value.scope}/${value.name}`;
    const trust = { new: 'not agreed yet', changed: 'changed since you agreed', agreed: '' }[value.trust];
    this.description = [value.scope === 'global' ? 'everywhere' : '', trust].filter(Boolean).join(' · ');
    this.tooltip = value.description;
    this.iconPath = new ThemeIcon(value.trust === 'agreed' ? 'tools' : 'shield');
    this.command = { title: 'Open Skill', command: 'vscode.open', arguments: [Uri.parse(value.uri)] };
  }
}

/** Takes back a rule that was given or granted. */
export function registerAgentCommands(app: App): void {
  app.command('mazu.revokeRule', async (item) => {
    if (item instanceof RuleItem && item.value.id) {
      await app.server.execute('mazu.permissions.revoke', { id: item.value.id });
      await commands.executeCommand('mazu.refreshViews');
    }
  });
}

/** What the agent can do and may do: MCP servers, skills, tools, rules. */
export async function agentRows({ server }: App): Promise<TreeItem[]> {
  const [status, { skills }, { tools }, { mode, rules }] = await Promise.all([
    server.execute('mazu.status'),
    server.execute('mazu.skills.list'),
    server.execute('mazu.tools.list'),
    server.execute('mazu.permissions.list'),
  ]);
  const permissions = new GroupItem('Permissions', 'permissions', [
    modeItem(mode),
    ...rules.map((rule) => new RuleItem(rule)),
  ]);
  permissions.description = `mode ${mode}`;
  return [
    permissions,
    new GroupItem('MCP servers', 'mcp', (status.mcpServers ?? []).map(mcpItem)),
    new GroupItem(
      'Skills',
      'skills',
      skills.map((skill) => new SkillItem(skill)),
    ),
    new GroupItem('Tools', 'tools', tools.map(toolItem), false),
  ];
}

function modeItem(mode: string): TreeItem {
  const item = new TreeItem(`Mode: ${mode}`);
  item.id = 'mode';
  item.iconPath = new ThemeIcon('shield');
  item.command = { title: 'Select Permission Mode', command: 'mazu.selectMode' };
  return item;
}

function mcpItem({ name, state, tools, detail }: McpServer): TreeItem {
  const [said, icon] = MCP_STATES[state];
  const item = new TreeItem(name);
  item.id = `mcp/${name}`;
  item.description = state === 'connected' ? `${said}, ${tools} tools` : said;
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
