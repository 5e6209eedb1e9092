import { type Disposable, EventEmitter } from 'vscode';
import { sentence } from './errors';
import type { Model, Status } from './protocol';
import type { Server } from './server';

const SETTLE_MS = 200;
/** After a failure the status is asked for again, so that what has passed is not shown until the next change. */
const RETRY_MS = 5000;

/** What `mazu.status` said last, asked for again when something changed. */
export class ServerStatus implements Disposable {
  private readonly changed = new EventEmitter<void>();
  private readonly subscriptions: Disposable[];
  private timer: NodeJS.Timeout | undefined;
  status: Status | undefined;
  models: Model[] = [];
  /** Why it could not be asked, or why the server did not start. */
  problem = '';

  readonly onDidChange = this.changed.event;

  constructor(private readonly server: Server) {
    this.subscriptions = [
      this.changed,
      server.onChanged(({ what }) => what.some((name) => name !== 'proposals') && this.refresh()),
      server.onCondition((condition) => {
        if (condition === 'running') this.refresh();
        else if (condition === 'stopped') this.problem = server.failure;
        this.changed.fire();
      }),
    ];
  }

  get model(): Model | undefined {
    return this.models.find(({ name }) => name === this.status?.model);
  }

  refresh(delay = SETTLE_MS): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.ask(), delay);
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private async ask(): Promise<void> {
    if (this.server.condition !== 'running') return;
    try {
      const [status, { models }] = await Promise.all([
        this.server.execute('mazu.status'),
        this.server.execute('mazu.models.list'),
      ]);
      this.status = status;
      this.models = models;
      this.problem = '';
    } catch (error) {
      this.problem = sentence(error);
      this.refresh(RETRY_MS);
    }
    this.changed.fire();
  }
}
