import type { ToWebview } from './messages';

interface Started {
  sessionId: string;
  /** null where the message waits in the queue. */
  turnId?: string | null;
}

/** Messages between Enter and the server: the page shows them as running, and Stop waits until they can be stopped. */
export class Outbox {
  private readonly handing = new Set<Promise<void>>();
  private own = 0;

  constructor(private readonly post: (message: ToWebview) => void) {}

  /** Resolves once everything sent so far is with the server, or has failed. */
  async handedOver(): Promise<void> {
    await Promise.all(this.handing);
  }

  /** Sends a message. `work` calls what it is given as soon as a request of the server that comes later finds the turn. */
  async send(id: number | undefined, work: (handedOver: () => void) => Promise<Started>): Promise<void> {
    const sending = id ?? --this.own;
    this.post({ type: 'sending', id: sending });
    let handedOver = () => {};
    const handing = new Promise<void>((resolve) => (handedOver = resolve));
    this.handing.add(handing);
    let turn: { sessionId: string; turnId: string } | null = null;
    try {
      const { sessionId, turnId } = await work(handedOver);
      turn = turnId ? { sessionId, turnId } : null;
    } finally {
      handedOver();
      this.handing.delete(handing);
      this.post({ type: 'sent', id: sending, turn });
    }
  }
}
