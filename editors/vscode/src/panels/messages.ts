/** What the council's page and the time machine's page say to the extension, and hear from it. */

import type { CouncilResult } from '../protocol';

export type ToCouncil = { type: 'asked'; question: string } | { type: 'answered'; result: CouncilResult };
export type FromCouncil =
  { type: 'ready' } | { type: 'remember' } | { type: 'copy'; text: string } | { type: 'openLink'; href: string };

/** One checkpoint on the track. */
export interface Stop {
  id: string;
  title: string;
  at: string;
  kind: string;
  changes: string;
  /** On the line that leads to where things stand now. */
  here: boolean;
  current: boolean;
  /** The conversation it belongs to; "" where it belongs to none. */
  session: string;
}

/** What one step changed, in code and in memory, and what was said then. */
export interface StepView {
  id: string;
  /** `added` and `removed` are null for a binary file, and left out where lines were not counted. */
  files: { path: string; status: string; added?: number | null; removed?: number | null }[];
  memories: { id: string; title: string; sign: '+' | '~' | '−' }[];
  said: Said[];
  problem: string;
}

export interface Said {
  who: 'You' | 'Mazu';
  text: string;
}

/** Everything as it was at a checkpoint. */
export interface StateView {
  id: string;
  /** Only files whose path has this in it are listed; `total` counts all of those. */
  query: string;
  files: string[];
  total: number;
  memories: { id: string; title: string; category: string }[];
  /** Turns of the conversation up to there; `said` is of the last ones. */
  turns: number;
  said: Said[];
  problem: string;
}

export type ToTimeMachine =
  | { type: 'stops'; stops: Stop[]; sessions: { id: string; name: string }[] }
  | { type: 'step'; step: StepView }
  | { type: 'state'; state: StateView };
export type FromTimeMachine =
  | { type: 'ready' }
  | { type: 'look'; id: string }
  | { type: 'contents'; id: string; query: string }
  | { type: 'openThen'; id: string; path: string }
  | { type: 'compare'; id: string }
  | { type: 'diff'; id: string; path: string }
  | { type: 'restore'; id: string }
  | { type: 'restoreFile'; id: string; path: string }
  | { type: 'restoreMemory'; id: string; memory: string }
  | { type: 'branch'; id: string };
