/** Messages on their way: from Enter on until their turn stands in the transcript, or until they come to nothing. */

import type { Transcript } from './transcript';

export interface Sending {
  id: number;
  /** The turn that the server began for it; null until it answers. */
  turn: { sessionId: string; turnId: string } | null;
}

export function beginSending(sending: readonly Sending[], id: number): Sending[] {
  return [...sending.filter((one) => one.id !== id), { id, turn: null }];
}

/** The server answered. Without a turn the message waits in a queue, was a command, or failed. */
export function answerSending(sending: readonly Sending[], id: number, turn: Sending['turn']): Sending[] {
  if (!turn) return sending.filter((one) => one.id !== id);
  return sending.map((one) => (one.id === id ? { id, turn } : one));
}

/** Those whose turn the transcript does not show yet; what went to a session that is not shown is none of them. */
export function stillSending(sending: readonly Sending[], { sessionId, turns }: Transcript): Sending[] {
  return sending.filter(
    ({ turn }) => !turn || (turn.sessionId === sessionId && !turns.some(({ id }) => id === turn.turnId)),
  );
}
