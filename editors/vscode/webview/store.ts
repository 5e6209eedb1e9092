import type { Chip, Completion, ModelChoice, RewindPreview, ToWebview, ViewState } from '../src/chat/messages';
import type { PermissionRequest, SessionUpdate } from '../src/updates';
import { remember, remembered, send } from './host';
import { answerSending, beginSending, type Sending, stillSending } from './sending';
import { addPage, addUpdates, EMPTY, fromPage, type Transcript, withOutput } from './transcript';

interface State {
  transcript: Transcript;
  view: ViewState;
  open: PermissionRequest[];
  chips: Chip[];
  models: ModelChoice[];
  completions: { request: number; items: Completion[] };
  preview: RewindPreview | null;
  notice: Extract<ToWebview, { type: 'notice' }> | null;
  insert: readonly [number, string, string];
  focus: number;
  sending: readonly Sending[];
  /** Messages that were sent from here. */
  sent: number;
}

const NOTHING: ViewState = {
  condition: 'starting',
  problem: '',
  model: null,
  mode: 'ask',
  ready: true,
  contextWindow: null,
  folder: true,
};

/** What the page shows. Drawn once a frame at most, however many messages come. */
class Store implements State {
  transcript: Transcript = EMPTY;
  view = NOTHING;
  open: PermissionRequest[] = [];
  chips: Chip[] = remembered().chips;
  models: ModelChoice[] = [];
  completions: State['completions'] = { request: 0, items: [] };
  preview: RewindPreview | null = null;
  notice: State['notice'] = null;
  insert: State['insert'] = [0, '', ''];
  focus = 0;
  sending: readonly Sending[] = [];
  sent = 0;
  private readonly listeners = new Set<() => void>();
  private waiting: SessionUpdate[] = [];
  private frame = 0;

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  set(change: Partial<State>): void {
    Object.assign(this, change);
    this.drawSoon();
  }

  receive(message: ToWebview): void {
    switch (message.type) {
      case 'reset':
        this.waiting = [];
        remember({ sessionId: message.page.sessionId });
        return this.set({ transcript: fromPage(message.page), preview: null });
      case 'more':
        if (message.page.sessionId !== this.transcript.sessionId) return undefined;
        return this.set({ transcript: addPage(this.transcript, message.page) });
      case 'updates':
        if (message.updates.some(({ update }) => update.kind === 'turn')) this.notice = null;
        this.waiting.push(...message.updates);
        return this.drawSoon();
      case 'empty':
        this.waiting = [];
        remember({ sessionId: null });
        return this.set({ transcript: EMPTY });
      case 'view':
        return this.set({ view: message.view });
      case 'questions':
        return this.set({ open: message.open });
      case 'chips': {
        const ids = new Set(message.chips.map(({ id }) => id));
        const chips = [...this.chips.filter(({ id }) => !ids.has(id)), ...message.chips];
        remember({ chips });
        return this.set({ chips });
      }
      case 'completions':
        // An answer to what was typed before may come late.
        if (message.request < this.completions.request) return undefined;
        return this.set({ completions: message });
      case 'models':
        return this.set({ models: message.models });
      case 'output':
        return this.set({ transcript: withOutput(this.transcript, message.callId, message.text) });
      case 'preview':
        return this.set({ preview: message.preview });
      case 'compose':
        return this.set({ insert: [this.insert[0] + 1, message.text, message.replaces ?? ''] });
      case 'focus':
        return this.set({ focus: this.focus + 1 });
      case 'sending':
        if (!this.sending.some(({ id }) => id === message.id)) this.sent += 1;
        return this.set({ sending: beginSending(this.sending, message.id) });
      case 'sent':
        return this.set({ sending: answerSending(this.sending, message.id, message.turn) });
      case 'notice':
        return this.set({ notice: message });
    }
  }

  private drawSoon(): void {
    // A page that is hidden gets no frames; it draws when it is seen again.
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.drain();
      if (this.sending.length) this.sending = stillSending(this.sending, this.transcript);
      for (const listener of this.listeners) listener();
    });
  }

  private drain(): void {
    if (!this.waiting.length) return;
    this.transcript = addUpdates(this.transcript, this.waiting);
    this.waiting = [];
    if (!this.transcript.stale) return;
    this.transcript = { ...this.transcript, stale: false };
    send({ type: 'ready', sessionId: this.transcript.sessionId });
  }
}

/** The page's own. */
export const store = new Store();
