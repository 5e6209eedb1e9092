import type { Disposable } from 'vscode';
import type { Server } from '../server';
import type { EventPage, SessionUpdate } from '../updates';
import type { ToWebview } from './messages';

const PAGE = 500;
/** Updates are sent together, one message for each frame or two. */
const BATCH_MS = 30;

/** Brings one session's events and updates to a page: first what is there, then what comes, without a gap. */
export class SessionFeed implements Disposable {
  private readonly listening: Disposable;
  private waiting: SessionUpdate[] = [];
  private timer: NodeJS.Timeout | undefined;
  private loading = 0;
  private again = false;
  /** The head moved while pages were read: what they say of an earlier one holds no more. */
  private moved = false;
  sessionId: string | null = null;

  constructor(
    private readonly server: Server,
    private readonly post: (message: ToWebview) => void,
  ) {
    this.listening = server.onUpdate((update) => this.hear(update));
  }

  /** Shows a session from its first event on. Rejects where there is no such session. */
  async show(sessionId: string | null): Promise<void> {
    const mine = ++this.loading;
    this.sessionId = sessionId;
    this.waiting = [];
    if (sessionId === null) {
      this.post({ type: 'empty' });
      return;
    }
    let pages: EventPage[];
    do {
      this.moved = false;
      pages = [];
      for (let after: number | null = 0; after !== null; after = pages.at(-1)?.next ?? null) {
        const page = await this.server.execute('mazu.session.events', { sessionId, after, limit: PAGE });
        if (mine !== this.loading) return;
        pages.push(page);
      }
    } while (this.moved);
    // The last page says up to which update the pages know: those before are dropped there, those after are taken.
    pages.forEach((page, index) => this.post({ type: index ? 'more' : 'reset', page }));
    this.flushSoon();
  }

  /** Reads everything anew: the head moved, or the server is another one. */
  async reload(): Promise<void> {
    if (this.again) return;
    this.again = true;
    try {
      await this.show(this.sessionId);
    } finally {
      this.again = false;
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.listening.dispose();
  }

  private hear(update: SessionUpdate): void {
    if (update.sessionId !== this.sessionId) return;
    if (update.update.kind === 'head') this.moved = true;
    this.waiting.push(update);
    this.flushSoon();
  }

  private flushSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      if (!this.waiting.length) return;
      this.post({ type: 'updates', updates: this.waiting });
      this.waiting = [];
    }, BATCH_MS);
  }
}
