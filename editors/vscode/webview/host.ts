/** The only way out of the webview: messages to the extension, and what is kept over a reload. */

import type { Chip, FromWebview } from '../src/chat/messages';

interface Kept {
  sessionId: string | null;
  draft: string;
  chips: Chip[];
}

interface Api {
  postMessage(message: FromWebview): void;
  getState(): Kept | undefined;
  setState(state: Kept): void;
}

declare function acquireVsCodeApi(): Api;

const api = acquireVsCodeApi();
let kept: Kept = { sessionId: null, draft: '', chips: [], ...api.getState() };

export const send = (message: FromWebview): void => api.postMessage(message);

let sendings = 0;

/** The id of the next message that is sent; those of the extension are negative. */
export const newSendingId = (): number => ++sendings;

export const remembered = (): Readonly<Kept> => kept;

export function remember(change: Partial<Kept>): void {
  kept = { ...kept, ...change };
  api.setState(kept);
}
