import type { Disposable } from 'vscode';
import type { Server } from '../server';
import type { EventPage, SessionUpdate } from '../updates';
import type { ToWebview } from './messages';

const PAGE = 500;
/** Updates are sent together, one message for each frame or two. */
const BATCH_MS = 30;
/** How often a session that may be another window's is looked at: its server sends updates to that window only. */
const LOOK_MS = 2000;

/** Brings one session's events and updates to a page: first what is there, then what comes, without a gap. */
export class SessionFeed implements Disposable {
  private readonly listening: Disposable;
  private waiting: SessionUpdate[] = [];
  private timer: NodeJS.Timeout | undefined;
  private loading = 0;
  private again = false;
  /** The head moved while pages were read: what they say of an earlier one holds no more. */
  private moved = false;
  private looking: NodeJS.Timeout | undefined;
  /** Where the events that are shown end, while no update of them has come to this window. */
  private seen: Pick<EventPage, 'head' | 'last' | 'state'> | undefined;
  sessionId: string | null = null;

  constructor(
    private readonly server: Server,
    private readonly post: (message: ToWebview) => void,
    private readonly isVisible: () => boolean = () => true,
  ) {
    this.listening = server.onUpdate((update) => this.hear(update));
  }

  /** Shows a session from its first event on. Rejects where there is no such session. */
  async show(sessionId: string | null): Promise<void> {
    const mine = ++this.loading;
    this.sessionId = sessionId;
    this.waiting = [];
    this.seen = undefined;
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
    const end = pages.at(-1);
    if (end?.updates === 0) this.watch(end);
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
    clearTimeout(this.looking);
    this.listening.dispose();
  }

  private hear(update: SessionUpdate): void {
    if (update.sessionId !== this.sessionId) return;
    this.seen = undefined; // it is this window's own
    if (update.update.kind === 'head') this.moved = true;
    this.waiting.push(update);
    this.flushSoon();
  }

  /** Follows a session that another window may go on with, until it is this window's own or another one is shown. */
  private watch({ head, last, state }: EventPage): void {
    this.seen = { head, last, state };
    clearTimeout(this.looking);
    this.looking = setTimeout(() => void this.look(), LOOK_MS);
  }

  private async look(): Promise<void> {
    const { seen, sessionId } = this;
    if (!seen || !sessionId || this.server.condition !== 'running') return;
    try {
      const argument = { sessionId, after: seen.last, limit: 1 };
      const page = this.isVisible() ? await this.server.execute('mazu.session.events', argument) : undefined;
      if (this.seen !== seen) return;
      if (page && (page.head !== seen.head || page.last !== seen.last || page.state !== seen.state))
        await this.reload();
      else this.looking = setTimeout(() => void this.look(), LOOK_MS);
    } catch {
      this.seen = undefined; // it was deleted, or the server is going: what comes next shows it
    }
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
