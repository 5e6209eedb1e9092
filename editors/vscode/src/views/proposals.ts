import {
  commands,
  type Diagnostic,
  EventEmitter,
  languages,
  MarkdownString,
  Range,
  ThemeIcon,
  type TreeDataProvider,
  TreeItem,
  Uri,
  window,
  l10n,
} from 'vscode';
import type { App } from '../app';
import { counted } from '../describe';
import { showHunk } from '../diffs/patch';
import { sentence, UserError } from '../errors';
import type { Proposal } from '../protocol';
import { ProposalMarks } from './proposalMarks';

const SETTLE_MS = 200;
const ICONS = { edit: 'edit', create: 'new-file', delete: 'trash' } as const;

/** One hunk that waits. */
export class ProposalItem extends TreeItem {
  override readonly contextValue: string;

  constructor(readonly value: Proposal) {
    const { id, path, kind, state, hunk, of, range, diff } = value;
    super(kind === 'edit' ? `${path}:${range.start.line + 1}` : path);
    const stale = state === 'stale';
    this.id = id;
    this.contextValue = stale ? 'staleProposal' : 'proposal';
    this.description = [
      size(diff),
      of > 1 ? `${hunk} of ${of}` : '',
      kind === 'create' ? l10n.t('new file') : kind === 'delete' ? l10n.t('deleted') : '',
      stale ? l10n.t('the text has changed') : '',
    ]
      .filter(Boolean)
      .join(' · ');
    this.tooltip = new MarkdownString().appendCodeblock(diff, 'diff');
    this.iconPath = new ThemeIcon(stale ? 'warning' : ICONS[kind]);
    this.command = { title: l10n.t('Show Proposal'), command: 'mazu.showProposal', arguments: [this] };
  }
}

/** "+2 -1". */
function size(diff: string): string {
  const lines = diff.split('\n').filter((line) => !/^(\+\+\+|---) /.test(line));
  return `+${lines.filter((line) => line.startsWith('+')).length} -${lines.filter((line) => line.startsWith('-')).length}`;
}

/** The hunks that wait for the user. Loaded also while the view is hidden, because what waits makes it appear. */
export class Proposals implements TreeDataProvider<TreeItem> {
  private readonly changed = new EventEmitter<void>();
  private timer: NodeJS.Timeout | undefined;
  items: ProposalItem[] = [];

  readonly onDidChangeTreeData = this.changed.event;

  constructor(private readonly app: App) {}

  getTreeItem(item: TreeItem): TreeItem {
    return item;
  }

  getChildren(): TreeItem[] {
    return this.items;
  }

  refreshSoon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refresh(), SETTLE_MS);
  }

  async refresh(): Promise<void> {
    let found: Proposal[] = [];
    try {
      if (this.app.server.condition === 'running') {
        found = (await this.app.server.execute('mazu.proposal.list')).proposals;
      }
    } catch (error) {
      this.app.log.warn(sentence(error));
    }
    this.items = found.map((proposal) => new ProposalItem(proposal));
    await commands.executeCommand('setContext', 'mazu.hasProposals', found.length > 0);
    this.changed.fire();
  }
}

/** The view of what is proposed, and the commands that decide on it. */
export function registerProposals(app: App): void {
  const { server, context } = app;
  const proposals = new Proposals(app);
  const view = window.createTreeView('mazu.proposals', { treeDataProvider: proposals });
  proposals.onDidChangeTreeData(() => {
    const count = proposals.items.length;
    view.badge = count ? { value: count, tooltip: counted(count, 'proposal') } : undefined;
  });
  context.subscriptions.push(
    view,
    languages.onDidChangeDiagnostics(({ uris }) => {
      if (uris.some((uri) => concerns(proposals.items, uri))) proposals.refreshSoon();
    }),
  );
  server.onCondition(() => proposals.refreshSoon());
  server.onUpdate(({ update }) => {
    if (update.kind === 'tool_result' || update.kind === 'state') proposals.refreshSoon();
  });
  const decide = async (items: ProposalItem[], accepts: boolean) => {
    const ids = items.map(({ value }) => value.id);
    if (!ids.length) return;
    try {
      await (accepts ? accept(app, ids) : reject(app, ids));
    } finally {
      await proposals.refresh();
    }
  };
  const show = ({ value }: ProposalItem) => showHunk(app, value, title(value));
  new ProposalMarks(app, proposals);
  app.command('mazu.showProposal', (item) => item instanceof ProposalItem && show(item));
  app.command('mazu.goToProposal', (item) => item instanceof ProposalItem && goTo(item.value));
  app.command('mazu.acceptProposal', (item) => item instanceof ProposalItem && decide([item], true));
  app.command('mazu.rejectProposal', (item) => item instanceof ProposalItem && decide([item], false));
  /** Those at the cursor, else the next one of the document. */
  const here = (): ProposalItem[] => {
    const { document, selection } = window.activeTextEditor ?? {};
    const uri = document?.uri.toString();
    const items = proposals.items.filter(({ value }) => Uri.parse(value.uri).toString() === uri);
    const at = (value: Proposal) => value.range.end.line >= (selection?.active.line ?? 0);
    const [first] = items.filter(({ value }) => at(value));
    const [next = first] = items;
    return first ? [first] : next ? [next] : [];
  };
  app.command('mazu.acceptProposalHere', () => decide(here(), true));
  app.command('mazu.rejectProposalHere', () => decide(here(), false));
  app.command('mazu.acceptAllProposals', () => decide(proposals.items, true));
  app.command('mazu.rejectAllProposals', () => decide(proposals.items, false));
}

const title = ({ path, hunk, of }: Proposal): string => `${path}: proposed${of > 1 ? ` (${hunk} of ${of})` : ''}`;

/** Whether a change of the diagnostics there may come from a proposal. */
function concerns(items: ProposalItem[], uri: Uri): boolean {
  const ours = ({ source }: Diagnostic) => source === 'mazu';
  const known = items.some(({ value }) => Uri.parse(value.uri).toString() === uri.toString());
  return known || languages.getDiagnostics(uri).some(ours);
}

async function goTo({ uri, range: { start, end } }: Proposal): Promise<void> {
  const selection = new Range(start.line, start.character, end.line, end.character);
  await window.showTextDocument(Uri.parse(uri), { selection });
}

async function accept({ server }: App, ids: string[]): Promise<void> {
  const { problems } = await server.execute('mazu.proposal.accept', { ids });
  if (problems.length) throw new UserError(l10n.t('not everything was accepted.'), problems.join(' '));
}

async function reject({ server }: App, ids: string[]): Promise<void> {
  const note = await window.showInputBox({
    title: l10n.t('Mazu: reject {0}', counted(ids.length, 'proposal')),
    prompt: l10n.t('Reason for the agent (optional)'),
    ignoreFocusOut: true,
  });
  if (note !== undefined) await server.execute('mazu.proposal.reject', { ids, note: note.trim() });
}
