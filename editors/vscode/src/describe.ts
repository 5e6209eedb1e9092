/** How times, prices and counts are said, the same everywhere. */

import { l10n, Uri, workspace } from 'vscode';
import type { AllCommands, Checkpoint, Model, RollbackPlan, Session } from './protocol';

const UNITS: [Noun, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** A kind of memory as people read it. */
export const kindName = (category: string): string => category.replaceAll('_', ' ');

/** All that a memory would say, in paragraphs, for whoever has to agree to it. */
export const toBeRemembered = ({ title, body, category }: AllCommands['mazu.remember'][0]): string[] =>
  [category ? `${beginning(`${kindName(category)} `).trim()}: ${title}` : (title ?? ''), body ?? ''].filter(Boolean);

export function ago(time: string | null | undefined): string {
  const seconds = (Date.now() - Date.parse(time ?? '')) / 1000;
  if (Number.isNaN(seconds)) return '';
  for (const [unit, size] of UNITS) {
    const count = Math.floor(seconds / size);
    if (count) return l10n.t('{0} ago', counted(count, unit));
  }
  return l10n.t('just now');
}

/** Whether something was said in a session by a person: also where all of it was undone, which can be redone. */
export const isChat = ({ turnCount, name, aside }: Session): boolean => !aside && (turnCount > 0 || name !== '');

/** What is counted: one of it, several of it. */
const NOUNS = {
  file: [l10n.t('{0} file'), l10n.t('{0} files')],
  editor: [l10n.t('{0} open editor'), l10n.t('{0} open editors')],
  place: [l10n.t('{0} place'), l10n.t('{0} places')],
  turn: [l10n.t('{0} turn'), l10n.t('{0} turns')],
  message: [l10n.t('{0} message'), l10n.t('{0} messages')],
  step: [l10n.t('{0} step'), l10n.t('{0} steps')],
  question: [l10n.t('{0} question'), l10n.t('{0} questions')],
  proposal: [l10n.t('{0} proposed edit'), l10n.t('{0} proposed edits')],
  memory: [l10n.t('{0} memory change'), l10n.t('{0} memory changes')],
  checkpoint: [l10n.t('{0} checkpoint'), l10n.t('{0} checkpoints')],
  tool: [l10n.t('{0} tool'), l10n.t('{0} tools')],
  day: [l10n.t('{0} day'), l10n.t('{0} days')],
  hour: [l10n.t('{0} hour'), l10n.t('{0} hours')],
  minute: [l10n.t('{0} minute'), l10n.t('{0} minutes')],
} as const;
type Noun = keyof typeof NOUNS;

export const counted = (count: number, noun: Noun): string =>
  NOUNS[noun][count === 1 ? 0 : 1].replace('{0}', String(count));

/** US dollars; an unknown price is said, never shown as 0. `known`, where not all is known: what the other calls cost. */
export const price = (usd: number | null | undefined, estimated = false, known = 0): string =>
  usd === null || usd === undefined
    ? known > 0
      ? l10n.t('at least {0}', price(known, estimated))
      : l10n.t('price unknown')
    : `${estimated ? '~' : ''}$${usd.toFixed(usd < 0.1 ? 4 : 2)}`;

/** What a checkpoint was taken for. */
export const KINDS: Record<string, string> = {
  manual: l10n.t('Checkpoint'),
  step: l10n.t('A step of the agent'),
  baseline: l10n.t('Before the agent began'),
  safety: l10n.t('Before a roll back'),
  compaction: l10n.t('Before a summary'),
};

/** What a checkpoint is called: the words it was given, else what it is. Never an id. */
export const checkpointName = ({ title, label, kind }: Pick<Checkpoint, 'title' | 'label' | 'kind'>): string =>
  title || label || KINDS[kind] || KINDS['manual']!;

export function checkpointChanges({ files, memories }: Checkpoint): string {
  const parts = [
    files.added && l10n.t('{0} added', files.added),
    files.modified && l10n.t('{0} modified', files.modified),
    files.deleted && l10n.t('{0} deleted', files.deleted),
  ].filter((part) => part !== 0);
  const learned = memories.added + memories.changed + memories.removed;
  if (learned) parts.push(counted(learned, 'memory'));
  return parts.join(', ') || l10n.t('no changes');
}

/** The open editors that change while their file does not, as paths: one whose file is written counts as that file. */
export function editorsAlone({ write, delete: deleted, buffers }: RollbackPlan): string[] {
  const paths = buffers.map((uri) => workspace.asRelativePath(Uri.parse(uri)));
  return paths.filter((path) => !write.includes(path) && !deleted.includes(path));
}

/** What a roll back does to code, open editors, memory and conversation. */
export function rollbackChanges(plan: RollbackPlan): string {
  const { write, delete: deleted, memories, conversation } = plan;
  const editors = editorsAlone(plan).length;
  const learned = memories.added + memories.changed + memories.removed;
  const parts = [
    write.length && l10n.t('{0} written', counted(write.length, 'file')),
    deleted.length && l10n.t('{0} deleted', counted(deleted.length, 'file')),
    editors && l10n.t('{0} changed', counted(editors, 'editor')),
    learned && counted(learned, 'memory'),
    conversation && l10n.t('conversation'),
  ];
  return parts.filter(Boolean).join(', ') || l10n.t('no changes');
}

/** US dollars per million tokens. */
export function modelPrice({ spec: { prices: known, provider } }: Model): string {
  if (!known) return provider;
  const dollars = (usd: number) => `$${Number.isInteger(usd) ? usd : usd.toFixed(2)}`;
  const [input, output] = [dollars(known.input), dollars(known.output)];
  return `${provider} · ${l10n.t('{0} in, {1} out per million tokens', input, output)}`;
}

const NAMED = 3;

/** What came of files that a rollback moved away, since no checkpoint can hold them: each with the place where it is now. */
const movedAway = (setAside: RollbackPlan['setAside']): string[] =>
  setAside.map(({ path, reason }) => l10n.t('{0} as it was is set aside: {1}', path, reason));

/** What became of the user's own work in a rollback that was done: left as it was, or set aside; "" where there is none. */
export const ownWork = (plan: Pick<RollbackPlan, 'keep' | 'conflicts' | 'setAside'>): string =>
  [keptAsIs(plan), ...movedAway(plan.setAside)].filter(Boolean).join('; ');

/** What a plan names, without our number of a memory, whose title says which one it is. */
export const placeName = (path: string): string => path.replace(/^memory m_\d+ (?=“)/, 'memory ');

/** What a rollback that was done left as it was, by name; "" where it left nothing. */
export function keptAsIs({ keep, conflicts }: Pick<RollbackPlan, 'keep' | 'conflicts'>): string {
  const paths = [...conflicts, ...keep].map(({ path }) => placeName(path));
  if (!paths.length) return '';
  const named = paths.slice(0, NAMED).join(', ');
  const all = paths.length > NAMED ? l10n.t('{0} and {1} more', named, paths.length - NAMED) : named;
  return paths.length === 1 ? l10n.t('kept as you left it: {0}', all) : l10n.t('kept as you left them: {0}', all);
}

/**
 * The checkpoint of the first undo since a turn ended, of those listed newest first: unlike the one of its last change, it
 * holds that turn whole.
 */
export function takenByUndo(checkpoints: readonly Checkpoint[], ended: string): Checkpoint | undefined {
  return checkpoints.findLast(({ kind, createdAt }) => kind === 'safety' && Date.parse(createdAt) >= Date.parse(ended));
}

/** With "Mazu:" before it, where it does not begin with a name of ours. */
export const withName = (message: string): string => (/^mazu/i.test(message) ? message : `Mazu: ${message}`);

/** With the capital letter of a sentence, where a word begins it: a path or a name stays as it is. */
export const beginning = (text: string): string =>
  /^[a-z]+ /.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
