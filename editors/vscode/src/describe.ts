/** How times, prices and counts are said, the same everywhere. */

import type { Checkpoint, Model, RollbackPlan } from './protocol';

const UNITS: [string, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

export function ago(time: string | null | undefined): string {
  const seconds = (Date.now() - Date.parse(time ?? '')) / 1000;
  if (Number.isNaN(seconds)) return '';
  for (const [unit, size] of UNITS) {
    const count = Math.floor(seconds / size);
    if (count) return `${counted(count, unit)} ago`;
  }
  return 'just now';
}

export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** US dollars; an unknown price is said, never shown as 0. */
export const price = (usd: number | null | undefined): string =>
  usd === null || usd === undefined ? 'price unknown' : `$${usd.toFixed(usd < 0.1 ? 4 : 2)}`;

const KINDS: Record<string, string> = {
  manual: 'Checkpoint',
  step: 'A step of the agent',
  baseline: 'Before the agent began',
  safety: 'Before a roll back',
  compaction: 'Before a summary',
};

/** What a checkpoint is called: the words it was given, else what it is. Never an id. */
export const checkpointName = ({ title, label, kind }: Pick<Checkpoint, 'title' | 'label' | 'kind'>): string =>
  title || label || KINDS[kind] || 'Checkpoint';

export function checkpointChanges({ files, memories }: Checkpoint): string {
  const parts = [
    [files.added, 'added'],
    [files.modified, 'modified'],
    [files.deleted, 'deleted'],
  ].flatMap(([count, what]) => (count ? [`${count} ${what}`] : []));
  const learned = memories.added + memories.changed + memories.removed;
  if (learned) parts.push(counted(learned, 'memory change'));
  return parts.join(', ') || 'no changes';
}

/** US dollars per million tokens. */
export function modelPrice({ spec: { prices: known, provider } }: Model): string {
  if (!known) return provider;
  const dollars = (usd: number) => `$${Number.isInteger(usd) ? usd : usd.toFixed(2)}`;
  return `${provider} · ${dollars(known.input)} in, ${dollars(known.output)} out per million tokens`;
}

const NAMED = 3;

/** What a rollback that was done left as it was, by name; "" where it left nothing. */
export function keptAsIs({ keep, conflicts }: Pick<RollbackPlan, 'keep' | 'conflicts'>): string {
  const paths = [...conflicts, ...keep].map(({ path }) => path);
  if (!paths.length) return '';
  const more = paths.length > NAMED ? ` and ${paths.length - NAMED} more` : '';
  return `kept as you left ${paths.length === 1 ? 'it' : 'them'}: ${paths.slice(0, NAMED).join(', ')}${more}`;
}
