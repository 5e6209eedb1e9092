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
}

/** What one step changed, in code and in memory, and what was said then. */
export interface StepView {
  id: string;
  /** `added` and `removed` are null for a binary file. */
  files: { path: string; status: string; added: number | null; removed: number | null }[];
  memories: { id: string; title: string; sign: '+' | '~' | '−' }[];
  said: { who: 'You' | 'Mazu'; text: string }[];
  problem: string;
}

export type ToTimeMachine = { type: 'stops'; stops: Stop[] } | { type: 'step'; step: StepView };
export type FromTimeMachine =
  | { type: 'ready' }
  | { type: 'look'; id: string }
  | { type: 'diff'; id: string; path: string }
  | { type: 'restore'; id: string }
  | { type: 'restoreFile'; id: string; path: string }
  | { type: 'restoreMemory'; id: string; memory: string }
  | { type: 'branch'; id: string };
