import { commands, type Disposable, l10n, StatusBarAlignment, window } from 'vscode';
import type { App } from './app';
import { price } from './describe';
import type { SessionUpdate } from './updates';

/** A turn under way. `cost` is what it has cost so far in US dollars; null where a price is not known. */
interface Running {
  began: number;
  waits: boolean;
  cost: number | null;
}

/** One item: the mode and the model, what runs, and what waits for the user, which a click answers. */
export class StatusBar implements Disposable {
  private readonly item = window.createStatusBarItem('mazu.status', StatusBarAlignment.Left);
  private readonly running = new Map<string, Running>();
  private readonly subscriptions: Disposable[];
  private clock: NodeJS.Timeout | undefined;

  constructor(private readonly app: App) {
    const { server, status, questions } = app;
    this.item.name = 'Mazu';
    this.subscriptions = [
      this.item,
      server.onCondition((condition) => {
        if (condition !== 'running') this.running.clear();
        this.show();
      }),
      status.onDidChange(() => this.show()),
      questions.onDidChange(() => this.show()),
      server.onUpdate((update) => this.update(update)),
    ];
    this.show();
    this.item.show();
  }

  dispose(): void {
    clearInterval(this.clock);
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private update({ sessionId, update }: SessionUpdate): void {
    if (update.kind === 'usage') {
      const turn = this.running.get(sessionId);
      const { costUsd } = update.usage;
      if (turn) turn.cost = turn.cost === null || costUsd === null ? null : turn.cost + costUsd;
    } else if (update.kind !== 'state') return;
    else if (update.state === 'done' || update.state === 'ended') this.running.delete(sessionId);
    else {
      const turn = this.running.get(sessionId) ?? { cost: 0, began: Date.now() };
      this.running.set(sessionId, { ...turn, waits: update.state === 'waiting' });
    }
    this.show();
  }

  private show(): void {
    const { server, status, questions } = this.app;
    const running = this.running.size > 0;
    void commands.executeCommand('setContext', 'mazu.running', running);
    void commands.executeCommand('setContext', 'mazu.waits', questions.open.length > 0);
    if (running) this.clock ??= setInterval(() => this.show(), 1000);
    else {
      clearInterval(this.clock);
      this.clock = undefined;
    }
    const { model, mode } = status.status ?? {};
    const [text, command] = this.text(model ?? null, mode ?? '');
    this.item.text = text;
    this.item.command = command;
    const lines = [
      status.problem || `Mazu: ${server.condition}`,
      model && l10n.t('Model: {0}', model),
      mode && l10n.t('Permissions: {0}', mode),
    ];
    this.item.tooltip = lines.filter(Boolean).join('\n');
  }

  /** What it shows, and what a click on it does. */
  private text(model: string | null, mode: string): [string, string] {
    const menu = 'mazu.showMenu';
    const { server, status, questions } = this.app;
    const { condition } = server;
    if (condition === 'untrusted') return [l10n.t('Mazu: restricted'), menu];
    if (condition === 'stopped') return [l10n.t('$(error) Mazu: stopped'), menu];
    if (condition === 'running' && status.problem) return ['$(error) Mazu', menu];
    if (condition === 'starting' || !status.status) return ['$(loading~spin) Mazu', menu];
    const turns = [...this.running.values()];
    if (questions.open.length || turns.some(({ waits }) => waits)) {
      return [
        l10n.t('$(question) Mazu: waits for you'),
        questions.open.length ? 'mazu.answerQuestion' : 'mazu.openChat',
      ];
    }
    if (!turns.length && (model === null || status.model?.ready === false)) {
      return [`$(warning) Mazu: ${model === null ? l10n.t('no model') : l10n.t('no key')}`, 'mazu.setApiKey'];
    }
    if (!turns.length) return [`Mazu: ${mode} · ${model?.replace(/^[^:]*:/, '')}`, menu];
    const seconds = Math.round((Date.now() - Math.min(...turns.map(({ began }) => began))) / 1000);
    const costs = turns.map(({ cost }) => cost);
    const known = costs.every((cost) => cost !== null) ? costs.reduce((sum, cost) => sum + cost, 0) : 0;
    return [`$(sync~spin) Mazu: ${seconds} s${known ? ` · ${price(known)}` : ''}`, 'mazu.openChat'];
  }
}
