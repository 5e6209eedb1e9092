import type { App } from '../app';
import type { Checkpoint, CheckpointContents } from '../protocol';
import type { EventPage } from '../updates';
import type { Said, StateView, StepView } from './messages';

const EXCERPT = 1200;
/** Turns of a conversation among which the one that led to a checkpoint is looked for. */
const TURNS = 1000;
/** Of a whole conversation the newest turns are shown, each by its beginning. */
const SHOWN_TURNS = 50;
const BEGINNING = 400;
/** Files of a whole state that are listed at once; what is looked for finds the others. */
const FILES = 300;

/** What one step changed, in code and in memory, and what was said then. */
export async function stepOf(app: App, checkpoint: Checkpoint): Promise<StepView> {
  const [{ files, memories }, said] = await Promise.all([changesOf(app, checkpoint), saidAt(app, checkpoint)]);
  return { id: checkpoint.id, files, memories: await titled(app, checkpoint, memories), said, problem: '' };
}

/** Everything as it was at a checkpoint: files whose path has `query` in it, memories, the conversation up to there. */
export async function stateOf(app: App, checkpoint: Checkpoint, query: string): Promise<StateView> {
  const { id } = checkpoint;
  const [{ files, total, memories }, turns] = await Promise.all([
    app.server.execute('mazu.checkpoint.contents', { id, query, limit: FILES }),
    turnsUpTo(app, checkpoint),
  ]);
  const said = turns.slice(-SHOWN_TURNS).flatMap((turn) => saidIn(turn, BEGINNING));
  return { id, query, files, total, memories, turns: turns.length, said, problem: '' };
}

/** What a step changed; the first checkpoint began with all that it holds. */
async function changesOf({ server }: App, { id, parentId }: Checkpoint): Promise<Pick<StepView, 'files'> & Changed> {
  if (parentId) return server.execute('mazu.checkpoint.diff', { id: parentId, against: id });
  const { files, memories } = await server.execute('mazu.checkpoint.contents', { id, limit: FILES });
  return {
    files: files.map((path) => ({ path, status: 'added' })),
    memories: { added: memories.map((memory) => memory.id) },
  };
}

interface Changed {
  memories: MemoryDiff;
}

type Turn = { id: string; message: string; reply: string };

/** The conversation that led to a checkpoint, its own turn last; empty where it is known no more. */
async function turnsUpTo({ server }: App, { sessionId, turnId }: Checkpoint): Promise<Turn[]> {
  if (!sessionId || !turnId) return [];
  // The conversation may be deleted by now; what changed is to be seen all the same.
  const nothing = { turns: [] };
  const { turns = [] } = await server.execute('mazu.session.show', { sessionId, turns: TURNS }).catch(() => nothing);
  return turns.slice(0, turns.findIndex(({ id }) => id === turnId) + 1);
}

/** The turn of a checkpoint that was undone since, or is on another branch: only the session's events still have it. */
async function undoneTurn({ server }: App, { sessionId, turnId }: Checkpoint): Promise<Turn | undefined> {
  if (!sessionId || !turnId) return undefined;
  const found: Turn = { id: turnId, message: '', reply: '' };
  for (let after: number | null = 0; after !== null;) {
    const page: EventPage | undefined = await server
      .execute('mazu.session.events', { sessionId, after })
      .catch(() => undefined); // it is deleted
    for (const { update } of page?.events.filter((event) => event.turnId === turnId) ?? []) {
      if (update.kind === 'user') found.message ||= update.shown || update.text;
      else if (update.kind === 'reply') found.reply = update.text || found.reply;
    }
    after = page?.next ?? null;
  }
  return found.message || found.reply ? found : undefined;
}

async function saidAt(app: App, checkpoint: Checkpoint): Promise<Said[]> {
  const turn = (await turnsUpTo(app, checkpoint)).at(-1) ?? (await undoneTurn(app, checkpoint));
  return turn ? saidIn(turn, EXCERPT) : [];
}

const saidIn = ({ message, reply }: Turn, most: number): Said[] =>
  [
    { who: 'You' as const, text: excerpt(message, most) },
    { who: 'Mazu' as const, text: excerpt(reply, most) },
  ].filter(({ text }) => text);

const excerpt = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** The ids of memories that differ. */
interface MemoryDiff {
  added?: string[];
  changed?: string[];
  removed?: string[];
}

/** Memories by what they say: as they are in this checkpoint, and as they were before it where it forgot them. */
async function titled(
  { server }: App,
  { id, parentId }: Checkpoint,
  { added = [], changed = [], removed = [] }: MemoryDiff,
): Promise<StepView['memories']> {
  const at = async (checkpoint: string | null | undefined, wanted: boolean): Promise<CheckpointContents['memories']> =>
    checkpoint && wanted
      ? (await server.execute('mazu.checkpoint.contents', { id: checkpoint, limit: 1 })).memories
      : [];
  const [now, before] = await Promise.all([
    at(id, added.length + changed.length > 0),
    at(parentId, removed.length > 0),
  ]);
  const titles = new Map([...before, ...now].map((memory) => [memory.id, memory.title]));
  const rows = (ids: string[], sign: '+' | '~' | '−') =>
    ids.map((memory) => ({ id: memory, title: titles.get(memory) ?? memory, sign }));
  return [...rows(added, '+'), ...rows(changed, '~'), ...rows(removed, '−')];
}
