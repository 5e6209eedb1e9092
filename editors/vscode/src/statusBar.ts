import { commands, type Disposable, StatusBarAlignment, window } from 'vscode';
import { price } from './describe';
import { sentence } from './errors';
import type { SessionUpdate, Status } from './protocol';
import type { Condition, Server } from './server';

const SETTLE_MS = 200;
/** After a failure the status is asked for again, so that what has passed is not shown until the next change. */
const RETRY_MS = 5000;

/** A turn under way. `cost` is what it has cost so far in US dollars; null where a price is not known. */
interface Running {
  waits: boolean;
  cost: number | null;
}

/** One item: the model and the mode, what runs, and what it has cost where that is known. */
export class StatusBar implements Disposable {
  private readonly item = window.createStatusBarItem('mazu.status', StatusBarAlignment.Left);
  private readonly running = new Map<string, Running>();
  private readonly subscriptions: Disposable[];
  private status: Status | undefined;
  private problem = '';
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly server: Server) {
    this.item.name = 'Mazu';
    this.item.command = 'mazu.showMenu';
    this.subscriptions = [
      this.item,
      server.onCondition((condition) => this.follow(condition)),
      server.onChanged(() => this.refresh()),
      server.onUpdate((update) => this.update(update)),
    ];
    this.show();
    this.item.show();
  }

  /** A question to the user is open, or has been answered. */
  waits(sessionId: string, waits: boolean): void {
    const turn = this.running.get(sessionId);
    if (turn) turn.waits = waits;
    this.show();
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private follow(condition: Condition): void {
    if (condition === 'running') this.refresh();
    else this.running.clear();
    this.show();
  }

  private refresh(delay = SETTLE_MS): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      if (this.server.condition !== 'running') return;
      try {
        this.status = await this.server.execute('mazu.status');
        this.problem = '';
      } catch (error) {
        this.problem = sentence(error);
        this.refresh(RETRY_MS);
      }
      this.show();
    }, delay);
  }

  private update({ sessionId, update }: SessionUpdate): void {
    if (update.kind === 'usage') {
      const turn = this.running.get(sessionId);
      const { costUsd } = update.usage;
      if (turn) turn.cost = turn.cost === null || costUsd === null ? null : turn.cost + costUsd;
    } else if (update.kind !== 'state') return;
    else if (update.state === 'done') this.running.delete(sessionId);
    else {
      const turn = this.running.get(sessionId) ?? { cost: 0 };
      this.running.set(sessionId, { ...turn, waits: update.state === 'waiting' });
    }
    this.show();
  }

  private show(): void {
    void commands.executeCommand('setContext', 'mazu.running', this.running.size > 0);
    const { model, mode } = this.status ?? {};
    this.item.text = this.text(model ?? 'no model', mode ?? '');
    const lines = [
      this.problem || `Mazu: ${this.server.condition}`,
      model && `Model: ${model}`,
      mode && `Permissions: ${mode}`,
    ];
    this.item.tooltip = lines.filter(Boolean).join('\n');
  }

  private text(model: string, mode: string): string {
    const { condition } = this.server;
    if (condition === 'untrusted') return 'Mazu: restricted';
    if (condition === 'running' && this.problem) return '$(error) Mazu';
    if (condition === 'stopped') return '$(error) Mazu: stopped';
    if (condition === 'starting' || !this.status) return '$(loading~spin) Mazu';
    const name = model.replace(/^[^:]*:/, '');
    const turns = [...this.running.values()];
    if (!turns.length) return `Mazu: ${name} · ${mode}`;
    if (turns.some(({ waits }) => waits)) return `$(bell-dot) Mazu: ${name} · needs an answer`;
    const costs = turns.map(({ cost }) => cost);
    const known = costs.every((cost) => cost !== null) ? costs.reduce((sum, cost) => sum + cost, 0) : 0;
    return `$(loading~spin) Mazu: ${name} · ${mode}${known ? ` · ${price(known)}` : ''}`;
  }
}
