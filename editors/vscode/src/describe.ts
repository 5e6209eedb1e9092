/** How times, prices and counts are said, the same everywhere. */

import type { Checkpoint } from './protocol';

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

export const checkpointName = ({ id, label }: Checkpoint): string => (label ? `${id} · ${label}` : id);

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
