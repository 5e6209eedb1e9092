import { l10n, type QuickPickItem, Uri, window, workspace } from 'vscode';
import type { App } from '../app';
import { projectFile } from '../chat/open';
import { counted, kindName } from '../describe';
import { selection } from '../editor';
import { UserError } from '../errors';
import type { Attachment, ImportedProposal, Memory } from '../protocol';
import { CATEGORIES } from './memory';
import { ImportedItem, importedText, MemoryItem } from '../views/memoryRows';

const MOST = 500;
/** Agents whose files can be read, and where they usually are. */
const AGENTS = [
  { label: l10n.t('Claude Code'), agent: 'claude-code', places: ['~/.claude'] },
  { label: l10n.t('Codex'), agent: 'codex', places: ['~/.codex'] },
  { label: l10n.t('Cursor'), agent: 'cursor', places: ['.cursor'] },
  { label: l10n.t('Aider'), agent: 'aider', places: ['.'] },
  { label: l10n.t('Markdown'), agent: 'markdown', places: ['.'] },
] as const;

/** What can be done with one memory beyond reading it, and what other agents left. */
export function registerMemoryActions(app: App): void {
  const { server } = app;
  const each = (id: string, run: (memory: Memory) => unknown) =>
    app.command(id, (item) => item instanceof MemoryItem && run(item.value));
  const named = ({ id, scope }: Memory) => ({ id, scope });
  each('mazu.editMemory', (memory) => app.memoryDocuments.open(memory));
  each('mazu.pinMemory', (memory) => server.execute('mazu.memory.update', { ...named(memory), pinned: true }));
  each('mazu.unpinMemory', (memory) => server.execute('mazu.memory.update', { ...named(memory), pinned: false }));
  each('mazu.archiveMemory', (memory) => server.execute('mazu.memory.archive', named(memory)));
  each('mazu.unarchiveMemory', (memory) => server.execute('mazu.memory.unarchive', named(memory)));
  each('mazu.supersedeMemory', (memory) => supersede(app, memory));
  each('mazu.confirmMemory', (memory) => confirm(app, memory));
  each('mazu.forgetMemory', (memory) => forget(app, memory));
  each('mazu.explainMemory', (memory) => explain(app, memory));
  app.command('mazu.importMemories', () => importMemories(app));
  app.command('mazu.showImported', (item) => item instanceof ImportedItem && showImported(app, [item.value]));
  const decide = (id: string, command: 'mazu.memory.import.accept' | 'mazu.memory.import.reject', all: boolean) =>
    app.command(id, async (item) => {
      const chosen = item instanceof ImportedItem ? { ids: [item.value.id] } : all && (await allOf(app, command));
      if (!chosen) return;
      const { memories, rejected, duplicates } = await server.execute(command, chosen);
      const known = duplicates ? l10n.t(', {0} known already', duplicates) : '';
      const said = rejected ? l10n.t('{0} rejected', rejected) : l10n.t('{0} accepted', memories.length);
      window.setStatusBarMessage(`Mazu: ${said}${known}`, 6000);
      app.refreshViews();
    });
  decide('mazu.acceptImported', 'mazu.memory.import.accept', false);
  decide('mazu.rejectImported', 'mazu.memory.import.reject', false);
  decide('mazu.acceptAllImported', 'mazu.memory.import.accept', true);
  decide('mazu.rejectAllImported', 'mazu.memory.import.reject', true);
}

/** Shows all that proposals say, before they are decided. */
const showImported = ({ preview }: App, proposals: ImportedProposal[]): Promise<unknown> =>
  preview.plain(`${proposals[0]?.title ?? ''}.md`, proposals.map(importedText).join('\n\n---\n\n'));

/** What waits, as far as it is accepted: only what was shown becomes memory. All of it can be rejected. */
async function allOf(app: App, command: string): Promise<{ ids: string[] } | { all: true } | undefined> {
  if (command !== 'mazu.memory.import.accept') return { all: true };
  const { proposals } = await app.server.execute('mazu.memory.import.proposals', { limit: MOST });
  if (!proposals.length) return undefined;
  await showImported(app, proposals);
  const accept = l10n.t('Accept {0}', proposals.length);
  const question = l10n.t('Mazu: the editor shows what they say. Remember all of it?');
  const ids = proposals.map(({ id }) => id);
  return (await window.showInformationMessage(question, accept)) === accept ? { ids } : undefined;
}

/** Another memory, an existing one or a new one, takes the place of this one. */
async function supersede({ server }: App, memory: Memory): Promise<void> {
  const { memories } = await server.execute('mazu.memory.list', { limit: MOST });
  const others = memories.filter(
    ({ id, scope, state }) => id !== memory.id && scope === memory.scope && state === 'current',
  );
  interface Other extends QuickPickItem {
    by?: string;
  }
  const items: Other[] = [
    { label: l10n.t('$(add) Something new…') },
    ...others.map(({ id, title, category }): Other => ({ label: title, description: kindName(category), by: id })),
  ];
  const chosen = await window.showQuickPick(items, {
    title: l10n.t('Mazu: what replaces “{0}”?', memory.title),
    ignoreFocusOut: true,
  });
  if (!chosen) return;
  if (chosen.by) {
    await server.execute('mazu.memory.supersede', { id: memory.id, by: chosen.by, scope: memory.scope });
    return;
  }
  const title = await window.showInputBox({
    title: l10n.t('Mazu: what holds instead'),
    prompt: l10n.t('In one sentence'),
    value: memory.title,
    ignoreFocusOut: true,
  });
  if (!title?.trim()) return;
  const { scope, id } = memory;
  const category = categoryOf(memory);
  await server.execute('mazu.remember', { title: title.trim(), category, scope, supersedes: id });
}

/** It still holds although its code changed: its anchors are what stands there now. */
async function confirm({ server }: App, memory: Memory): Promise<void> {
  const anchors = await placesOf(memory);
  await server.execute('mazu.memory.update', { id: memory.id, scope: memory.scope, anchors });
}

async function placesOf({ anchors = [] }: Memory): Promise<Attachment[]> {
  const places = await Promise.all(
    anchors.map(async ({ path, range }): Promise<Attachment[]> => {
      const uri = await projectFile(path);
      return uri ? [{ uri: uri.toString(), ...(range ? { range } : {}) }] : [];
    }),
  );
  return places.flat();
}

/** As a new memory has it; what the program itself keeps has categories of its own. */
const categoryOf = ({ category }: Memory) => CATEGORIES.find(({ label }) => label === category)?.label ?? 'fact';

async function forget({ server }: App, memory: Memory): Promise<void> {
  const named = { id: memory.id, scope: memory.scope };
  const { forgotten } = await server.execute('mazu.memory.forget', named);
  const undo = l10n.t('Undo');
  const chosen = await window.showInformationMessage(l10n.t('Mazu: forgotten: {0}', forgotten.title), undo);
  if (chosen === undo) await server.execute('mazu.memory.restore', named);
}

/** Whether a message would bring this memory to the model, and why. No model is asked. */
async function explain({ server, preview }: App, memory: Memory): Promise<void> {
  const selected = selection();
  const message = await window.showInputBox({
    title: l10n.t('Mazu: would “{0}” be given to the model?', memory.title),
    prompt: l10n.t('A message that you might send; no model is asked'),
    value: selected?.text.split('\n', 1)[0] ?? memory.title,
    ignoreFocusOut: true,
  });
  if (!message?.trim()) return;
  const place = selected?.attachment ?? {};
  const { told: included, left, tokens, budget } = await server.execute('mazu.memory.why', { message, ...place });
  const given = included.find((one) => one.memory.id === memory.id);
  const out = left.find((one) => one.memory.id === memory.id);
  const answer = given
    ? l10n.t('Yes: {0}', given.why)
    : out
      ? l10n.t('No: {0}', out.why)
      : l10n.t('No: nothing in the message leads to it.');
  const rows = (list: { memory: Memory; why: string }[]) =>
    list.map(({ memory: { title }, why }) => `- ${title} (${why})`).join('\n');
  await preview.markdown(
    l10n.t('Why this memory'),
    [
      `# ${memory.title}`,
      `> ${message}`,
      `**${answer}**`,
      l10n.t('{0} of {1} tokens of memory would go along with that message.', tokens, budget),
      included.length ? `## ${l10n.t('Given')}\n\n${rows(included)}` : '',
      left.length ? `## ${l10n.t('Left out')}\n\n${rows(left)}` : '',
    ]
      .filter(Boolean)
      .join('\n\n'),
  );
}

/** Reads what another agent left on this machine; what it proposes waits in the view. */
async function importMemories(app: App): Promise<void> {
  const chosen = await window.showQuickPick(AGENTS, { title: l10n.t('Mazu: import memory from which agent?') });
  if (!chosen) return;
  const folder = workspace.workspaceFolders?.[0]?.uri;
  const [place = '.'] = chosen.places;
  const home = Uri.file(process.env['HOME'] ?? process.env['USERPROFILE'] ?? '/');
  const start = place.startsWith('~/') ? Uri.joinPath(home, place.slice(2)) : folder && Uri.joinPath(folder, place);
  const picked = await window.showOpenDialog({
    title: l10n.t('Mazu: where are the files of {0}?', chosen.label),
    canSelectFolders: true,
    canSelectFiles: true,
    openLabel: l10n.t('Read'),
    ...(start ? { defaultUri: start } : {}),
  });
  const [uri] = picked ?? [];
  if (!uri) return;
  const argument = { uri: uri.toString(), agent: chosen.agent };
  const result = await app.wait(l10n.t('reading {0}…', chosen.label), 'mazu.memory.import', argument);
  const { count, problems } = result;
  const proposals = 'proposals' in result ? result.proposals : 0;
  if (problems.length && !count && !proposals) {
    throw new UserError(l10n.t('nothing could be imported.'), problems.slice(0, 3).join(' '));
  }
  app.refreshViews();
  const show = l10n.t('Decide');
  const said = l10n.t('Mazu: {0} can be searched; {1} to be decided.', counted(count, 'message'), proposals);
  if ((await window.showInformationMessage(said, ...(proposals ? [show] : []))) === show) await app.showView('memory');
}
