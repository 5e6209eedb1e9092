import type { App } from '../app';
import type { Checkpoint } from '../protocol';
import type { StepView } from './messages';

const EXCERPT = 1200;
/** Turns of a conversation among which the one that led to a checkpoint is looked for. */
const TURNS = 1000;

/** What one step changed, in code and in memory, and what was said then. */
export async function stepOf(app: App, checkpoint: Checkpoint): Promise<StepView> {
  const [{ files, memories }, said] = await Promise.all([changesOf(app, checkpoint), saidAt(app, checkpoint)]);
  return { id: checkpoint.id, files, memories: memoryChanges(memories), said, problem: '' };
}

async function changesOf({ server }: App, { id, parentId }: Checkpoint) {
  if (!parentId) return { files: [], memories: {} };
  return server.execute('mazu.checkpoint.diff', { id: parentId, against: id });
}

async function saidAt({ server }: App, { sessionId, turnId }: Checkpoint): Promise<StepView['said']> {
  if (!sessionId || !turnId) return [];
  // The conversation may be deleted by now; what changed is to be seen all the same.
  const nothing = { turns: [] };
  const { turns = [] } = await server.execute('mazu.session.show', { sessionId, turns: TURNS }).catch(() => nothing);
  const turn = turns.find(({ id }) => id === turnId);
  if (!turn) return [];
  return [
    { who: 'You' as const, text: turn.message.slice(0, EXCERPT) },
    { who: 'Mazu' as const, text: turn.reply.slice(0, EXCERPT) },
  ].filter(({ text }) => text);
}

interface MemoryDiff {
  added?: { id: string; title: string }[];
  changed?: { id: string; title: string }[];
  removed?: { id: string; title: string }[];
}

function memoryChanges({ added = [], changed = [], removed = [] }: MemoryDiff): StepView['memories'] {
  const rows = (list: { id: string; title: string }[], sign: '+' | '~' | '−') =>
    (Array.isArray(list) ? list : []).map(({ id, title }) => ({ id, title, sign }));
  return [...rows(added, '+'), ...rows(changed, '~'), ...rows(removed, '−')];
}
