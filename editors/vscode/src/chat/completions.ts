import {
  commands,
  Diagnostic,
  DiagnosticSeverity,
  languages,
  type SymbolInformation,
  SymbolKind,
  Uri,
  window,
  workspace,
  l10n,
} from 'vscode';
import type { App } from '../app';
import { place } from '../editor';
import type { Chip, Completion } from './messages';

const MOST = 12;
const SLASH: [string, string][] = [
  ['/undo', l10n.t('undo the last turn: code, memory and conversation')],
  ['/redo', l10n.t('revert the last undo or rollback')],
  ['/rewind', l10n.t('remove the last turn from the conversation only')],
  ['/compact', l10n.t('summarise the conversation for the model')],
  ['/checkpoint', l10n.t('save code, open editors, memory and conversation')],
  ['/rollback', l10n.t('go back to a checkpoint, after a preview')],
  ['/remember', l10n.t('save a decision, convention or fact')],
  ['/recall', l10n.t('find what is remembered')],
  ['/council', l10n.t('ask several models and compare')],
  ['/new', l10n.t('start a new conversation')],
];

/** What `/…` at the start of a message can become. */
export async function slashCompletions({ server }: App, query: string): Promise<Completion[]> {
  const commands_ = SLASH.map(([label, detail]): Completion => ({ label, detail, icon: 'terminal', insert: label }));
  const { skills } = await server.execute('mazu.skills.list').catch(() => ({ skills: [] }));
  const own = skills.map(({ name, description }): Completion => ({
    label: `/${name}`,
    detail: description,
    icon: 'tools',
    insert: `Use the skill ${name}: `,
  }));
  return [...commands_, ...own].filter(({ label }) => label.slice(1).startsWith(query.toLowerCase())).slice(0, MOST);
}

/** What `@…` can become: places of the project, symbols, problems, changes, memory. What is slower is added at the end. */
export async function* atCompletions(app: App, query: string): AsyncGenerator<Completion[]> {
  const later = Promise.all([symbols_(query), memories_(app, query)]);
  later.catch(() => undefined); // it is waited for below
  const fixed = [selectionChip(), problemsChip(), ...terminalChips(), changesChip()].filter(
    (chip) => chip !== undefined,
  );
  const offered = fixed.filter(({ kind, label }) => `${kind} ${label}`.toLowerCase().includes(query.toLowerCase()));
  const first = [...offered.map(completion), ...(await files_(query))];
  yield first.slice(0, MOST);
  yield [...first, ...(await later).flat()].slice(0, MOST);
}

const ICONS: Record<Chip['kind'], string> = {
  file: 'file',
  folder: 'folder',
  selection: 'list-selection',
  symbol: 'symbol-method',
  problems: 'warning',
  changes: 'git-compare',
  terminal: 'terminal',
  memory: 'bookmark',
  image: 'file-media',
};

const completion = (chip: Chip): Completion => ({ label: chip.label, detail: chip.kind, icon: ICONS[chip.kind], chip });

export function selectionChip(): Chip | undefined {
  const editor = window.activeTextEditor ?? window.visibleTextEditors[0];
  if (!editor || editor.selection.isEmpty) return undefined;
  return placeChip(editor.document.uri, place(editor.document.uri, editor.selection).range);
}

export function fileChip(uri: Uri, kind: 'file' | 'folder' = 'file'): Chip {
  return { id: uri.toString(), kind, label: workspace.asRelativePath(uri), uri: uri.toString() };
}

/** A place in a document; the whole document where no range is given. */
export function placeChip(uri: Uri, range?: Chip['range']): Chip {
  if (!range) return fileChip(uri);
  const label = `${workspace.asRelativePath(uri)}:${range.start.line + 1}-${range.end.line + 1}`;
  return {
    id: `${uri.toString()}#${range.start.line}-${range.end.line}`,
    kind: 'selection',
    label,
    uri: uri.toString(),
    range,
  };
}

/** The problems that the editor shows, as text. */
export function problemsChip(of?: Uri): Chip | undefined {
  const found = of ? [[of, languages.getDiagnostics(of)] as const] : languages.getDiagnostics();
  const lines = found.flatMap(([uri, problems]) =>
    problems.filter(isReal).map(({ range, message, source }) => {
      const at = `${workspace.asRelativePath(uri)}:${range.start.line + 1}`;
      return `${at}: ${message}${source ? ` (${source})` : ''}`;
    }),
  );
  if (!lines.length) return undefined;
  const label = `${lines.length} problem${lines.length === 1 ? '' : 's'}`;
  return { id: 'problems', kind: 'problems', label, text: `Problems:\n${lines.slice(0, 100).join('\n')}` };
}

const isReal = ({ severity, source }: Diagnostic): boolean =>
  source !== 'mazu' && severity <= DiagnosticSeverity.Warning;

function terminalChips(): Chip[] {
  const active = window.activeTerminal;
  return active ? [{ id: 'terminal', kind: 'terminal', label: l10n.t('terminal: {0}', active.name) }] : [];
}

const changesChip = (): Chip => ({ id: 'changes', kind: 'changes', label: l10n.t('uncommitted changes') });

async function files_(query: string): Promise<Completion[]> {
  const letters = query.replace(/[*?[\]{}]/g, '');
  const pattern = letters ? `**/*${letters.split('').map(anyCase).join('')}*` : '**/*';
  const inFolder = letters ? `**/*${letters.split('').map(anyCase).join('')}*/**` : undefined;
  const [names, below] = await Promise.all([
    workspace.findFiles(pattern, undefined, 30),
    inFolder ? workspace.findFiles(inFolder, undefined, 30) : [],
  ]);
  const open = window.visibleTextEditors.map(({ document }) => document.uri.toString());
  const rank = (uri: Uri) => (open.includes(uri.toString()) ? 0 : uri.path.length);
  const folders = new Map(
    below.flatMap((uri): [string, Uri][] => {
      const parts = uri.path.split('/');
      const at = parts.findLastIndex(
        (part, index) => index < parts.length - 1 && part.toLowerCase().includes(letters.toLowerCase()),
      );
      const path = parts.slice(0, at + 1).join('/');
      return at > 0 && workspace.getWorkspaceFolder(uri) ? [[path, uri.with({ path })]] : [];
    }),
  );
  const isInside = (uri: Uri) =>
    workspace.workspaceFolders?.some((folder) => uri.path.startsWith(`${folder.uri.path}/`));
  return [
    ...names.sort((a, b) => rank(a) - rank(b)).map((uri) => completion(fileChip(uri))),
    ...[...folders.values()].filter(isInside).map((uri) => completion(fileChip(uri, 'folder'))),
  ].slice(0, MOST);
}

const anyCase = (letter: string): string =>
  letter.toLowerCase() === letter.toUpperCase() ? letter : `[${letter.toLowerCase()}${letter.toUpperCase()}]`;

async function symbols_(query: string): Promise<Completion[]> {
  if (query.length < 2) return [];
  const found = await commands.executeCommand<SymbolInformation[]>('vscode.executeWorkspaceSymbolProvider', query);
  return (found ?? []).slice(0, MOST / 2).map(({ name, kind, location }): Completion => {
    const { uri, range } = place(location.uri, location.range);
    const chip: Chip = { id: `${uri}#${name}`, kind: 'symbol', label: name, uri, range };
    return {
      label: name,
      detail: `${SymbolKind[kind]} in ${workspace.asRelativePath(location.uri)}`,
      icon: ICONS.symbol,
      chip,
    };
  });
}

async function memories_({ server }: App, query: string): Promise<Completion[]> {
  if (query.length < 3) return [];
  const nothing = { memories: [], onlyNearest: false };
  const { memories, onlyNearest } = await server.execute('mazu.recall', { query, limit: 4 }).catch(() => nothing);
  return (onlyNearest ? [] : memories).map(({ id, title, body }): Completion => {
    const chip: Chip = { id, kind: 'memory', label: title, text: `Remembered: ${title}\n${body}` };
    return { label: title, detail: 'memory', icon: ICONS.memory, chip };
  });
}
