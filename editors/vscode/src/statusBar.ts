import { commands, type Disposable, StatusBarAlignment, window } from 'vscode';
import { price } from './describe';
import type { SessionUpdate, Status } from './protocol';
import type { Condition, Server } from './server';

const SETTLE_MS = 200;

/** One item: the model and the mode, what runs, and what it has cost where that is known. */
export class StatusBar implements Disposable {
  private readonly item = window.createStatusBarItem('mazu.status', StatusBarAlignment.Left);
  private readonly running = new Map<string, 'running' | 'waiting'>();
  private readonly subscriptions: Disposable[];
  private status: Status | undefined;
  private cost: number | null | undefined;
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

  dispose(): void {
    clearTimeout(this.timer);
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private follow(condition: Condition): void {
    if (condition === 'running') this.refresh();
    else this.running.clear();
    this.show();
  }

  private refresh(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      if (this.server.condition !== 'running') return;
      this.status = await this.server.execute('mazu.status').catch(() => this.status);
      this.show();
    }, SETTLE_MS);
  }

  private update({ sessionId, update }: SessionUpdate): void {
    if (update.kind === 'usage') this.cost = update.usage?.costUsd ?? update.costUsd;
    if (update.kind !== 'state' && update.kind !== 'usage') return;
    if (update.kind === 'state') {
      if (update.state === 'done') this.running.delete(sessionId);
      else this.running.set(sessionId, update.state);
      if (update.state === 'done') this.refresh();
    }
    this.show();
  }

  private show(): void {
    const busy = this.running.size > 0;
    void commands.executeCommand('setContext', 'mazu.running', busy);
    const model = this.status?.model ?? 'no model';
    const mode = this.status?.mode ?? '';
    this.item.text = this.text(busy, model, mode);
    this.item.tooltip = [`Mazu: ${this.server.condition}`, this.status && `Model: ${model}`, mode && `Permissions: ${mode}`]
      .filter(Boolean)
      .join('\n');
  }

  private text(busy: boolean, model: string, mode: string): string {
    const { condition } = this.server;
    if (condition === 'untrusted') return 'Mazu: restricted';
    if (condition === 'stopped') return '$(error) Mazu: stopped';
    if (condition === 'starting' || !this.status) return '$(loading~spin) Mazu';
    const waits = [...this.running.values()].includes('waiting');
    const icon = waits ? '$(bell-dot) ' : busy ? '$(loading~spin) ' : '';
    const cost = busy && typeof this.cost === 'number' ? ` · ${price(this.cost)}` : '';
    return `${icon}Mazu: ${model.replace(/^[^:]*:/, '')} · ${waits ? 'needs an answer' : mode}${cost}`;
  }
}
