/** How tool calls, times, money and sizes are said; the same words on every surface. */

import { t } from './l10n';
import type { Call } from './transcript';

interface CallTitle {
  /** "Search" */
  verb: string;
  /** "TODO in", or the whole command */
  object: string;
  /** "in", where a path follows the object. */
  joint: string;
  /** The file or folder that ends the title, which can be opened. */
  path: string;
}

/** The title of a call, "Search TODO in src", in its parts; the words are the server's. */
export function callTitle({
  verb,
  title,
  tool,
  arguments: given,
}: Pick<Call, 'verb' | 'title' | 'tool' | 'arguments'>): CallTitle {
  const about = title.startsWith(verb) ? title.slice(verb.length).trim() : title;
  const path = pathOf({ arguments: given });
  if (path && about.endsWith(path)) {
    const before = about.slice(0, -path.length).trim();
    const joint = /(?:^| )(in|to|from)$/.exec(before)?.[1] ?? '';
    return { verb, object: before.slice(0, before.length - joint.length).trim(), joint, path };
  }
  return { verb: verb || (about ? '' : tool), object: about, joint: '', path: '' };
}

/** The title of a call with what the user changed in it: the object of a title is one argument, on one line. */
export function changedTitle(
  { verb, title, arguments: before }: Pick<Call, 'verb' | 'title' | 'arguments'>,
  after: Record<string, unknown>,
): string {
  const [name] = Object.keys(after).filter((key) => after[key] !== before[key]);
  const lines = String(name === undefined ? '' : after[name])
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  return lines.length ? `${verb} ${lines[0]}${lines.length > 1 ? ' …' : ''}` : title;
}

/** The file that a call is about. */
export const pathOf = ({ arguments: given }: Pick<Call, 'arguments'>): string =>
  typeof given['path'] === 'string' ? given['path'] : '';

/** ✓ done, ✗ failed, ? waits, • running, – not run. */
export function sign(call: Pick<Call, 'result' | 'question' | 'verdict'>): string {
  if (call.question) return '?';
  if (call.verdict?.verdict === 'deny') return '–';
  return call.result ? { ok: '✓', failed: '✗', void: '–' }[call.result] : '•';
}

export const signName: Record<string, string> = {
  '✓': t('done'),
  '✗': t('failed'),
  '?': t('waits for you'),
  '–': t('not run'),
  '•': t('running'),
};

export function clock(at: string, now = new Date()): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '';
  const time = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false });
  const days = Math.round((midnight(now) - midnight(date)) / 86_400_000);
  if (days <= 0) return time;
  return `${days === 1 ? t('yesterday') : date.toLocaleDateString([], { month: 'short', day: 'numeric' })} ${time}`;
}

const midnight = (date: Date): number => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

/** What is counted: one of it, several of it. */
const NOUNS = {
  file: [t('{0} file'), t('{0} files')],
  editor: [t('{0} open editor'), t('{0} open editors')],
  turn: [t('{0} turn'), t('{0} turns')],
  message: [t('{0} message'), t('{0} messages')],
  checkpoint: [t('{0} checkpoint'), t('{0} checkpoints')],
} as const;

export const counted = (count: number, noun: keyof typeof NOUNS): string =>
  NOUNS[noun][count === 1 ? 0 : 1].replace('{0}', String(count));

export function tokens(count: number): string {
  if (count < 1000) return String(count);
  return count < 1_000_000 ? `${(count / 1000).toFixed(count < 10_000 ? 1 : 0)}k` : `${(count / 1e6).toFixed(1)}M`;
}

/** An unknown price is said, never shown as 0; an estimate is marked. */
/** `known`, where not all is known: what all calls cost but those without a price. */
export function money(usd: number | null, estimated = false, known = 0): string {
  if (usd === null) return known > 0 ? t('at least {0}', money(known, estimated)) : t('price unknown');
  if (usd === 0) return '$0';
  if (usd < 0.001) return '<$0.001';
  return `${estimated ? '~' : ''}$${usd.toFixed(usd < 0.1 ? 3 : 2)}`;
}

export const share = (part: number, whole: number | null): string =>
  whole && part ? `${Math.max(1, Math.min(100, Math.round((part / whole) * 100)))} %` : '';

export function seconds(milliseconds: number): string {
  const whole = Math.max(0, Math.round(milliseconds / 1000));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

export interface DiffLine {
  sign: '+' | '-' | ' ' | '@';
  text: string;
}

/** The lines of a unified diff without its headers; a single hunk may come without one. */
export function diffLines(diff: string): DiffLine[] {
  const lines: DiffLine[] = [];
  let inside = !/^@@ /m.test(diff);
  for (const line of diff.replace(/\n$/, '').split('\n')) {
    const sign = line[0] ?? ' ';
    if (sign === '@') {
      inside = true;
      lines.push({
        sign: '@',
        text: line.replace(/^@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@ ?/, (_, at) => `${t('line {0}', at)}  `),
      });
    } else if (inside && (sign === '+' || sign === '-' || sign === ' ')) lines.push({ sign, text: line.slice(1) });
    else if (inside && line === '') lines.push({ sign: ' ', text: '' });
    else if (inside && sign === '\\')
      lines.push({ sign: ' ', text: line }); // "\ No newline at end of file"
    else if (/^(diff|---|\+\+\+) /.test(line)) inside = false;
  }
  return lines;
}

/** "+2 -1". */
export function diffSize(diff: string): string {
  const lines = diffLines(diff);
  const cut = /\n\.\.\. \d+ more lines \(\+(\d+) -(\d+) in all\)\s*$/.exec(diff);
  if (cut) return `+${cut[1]} −${cut[2]}`;
  const count = (sign: string) => lines.filter((line) => line.sign === sign).length;
  return lines.length ? `+${count('+')} −${count('-')}` : '';
}

const REASONS: Record<string, string> = {
  cancelled: t('Stopped.'),
  max_steps: t('Stopped: the limit of steps is reached.'),
  max_cost: t('Stopped: the limit of cost is reached.'),
  max_tokens: t('Stopped: the limit of tokens is reached.'),
  max_seconds: t('Stopped: the limit of time is reached.'),
  stuck: t('Stopped: it went round in circles.'),
  refusal: t('The model refused.'),
  error: t('The turn failed.'),
  interrupted: t('The turn was interrupted.'),
};

/** Why a turn ended, where it is not simply done. */
export const ended = (stopReason: string): string => REASONS[stopReason] ?? '';
