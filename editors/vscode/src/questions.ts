import { type CancellationToken, type Disposable, EventEmitter, l10n } from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import { UserError } from './errors';
import type { Server } from './server';
import type { PermissionReply, PermissionRequest } from './updates';

interface Open {
  request: PermissionRequest;
  answer(reply: PermissionReply): void;
}

interface Resolved {
  sessionId: string;
  callId: string;
}

/**
 * The questions that are open, whoever shows them: the chat's transcript, the status bar, a quick pick. The first
 * answer counts, here or in another window, and then the question is gone everywhere.
 */
export class Questions implements Disposable {
  private readonly pending = new Map<string, Open>();
  /** What was answered here, by call; "" where somebody else answered, or nobody. */
  private readonly settled = new Map<string, string>();
  private readonly changed = new EventEmitter<void>();

  readonly onDidChange = this.changed.event;

  constructor(private readonly server: Server) {
    server.answer((client) => this.serve(client));
    // A server that is gone asks nothing any more.
    server.onCondition((condition) => {
      if (condition === 'running' || !this.pending.size) return;
      for (const callId of this.pending.keys()) this.settled.set(callId, '');
      this.pending.clear();
      this.changed.fire();
    });
  }

  get open(): PermissionRequest[] {
    return [...this.pending.values()].map(({ request }) => request);
  }

  /** The words of the answer to a question; "" where it was not given here, undefined while it is open. */
  answered(callId: string): string | undefined {
    return this.pending.has(callId) ? undefined : this.settled.get(callId);
  }

  /** Answers the question about a call, which may have been asked of another window. */
  async answer(callId: string, reply: PermissionReply): Promise<void> {
    const open = this.pending.get(callId);
    if (open) {
      this.settled.set(callId, open.request.options.find(({ id }) => id === reply.optionId)?.label ?? '');
      open.answer(reply);
    } else if (this.settled.has(callId)) throw new UserError(l10n.t('that question is not open any more.'));
    else {
      const { answered } = await this.server.execute('mazu.permissions.answer', { callId, ...reply });
      if (!answered)
        throw new UserError(l10n.t('that question is open in another window.'), l10n.t('Answer it there.'));
    }
  }

  dispose(): void {
    this.changed.dispose();
  }

  private serve(client: LanguageClient): void {
    client.onNotification('mazu/permission/resolved', ({ callId }: Resolved) => this.close(callId));
    client.onRequest('mazu/permission/request', (request: PermissionRequest, token: CancellationToken) => {
      const reply = new Promise<PermissionReply>((resolve) => {
        const deny = request.options.find(({ kind }) => kind === 'deny')?.id ?? 'deny';
        this.pending.set(request.callId, { request, answer: resolve });
        // Somebody else has answered, or nobody in time; what is sent now is not waited for any more.
        token.onCancellationRequested(() => resolve({ optionId: deny }));
      });
      this.changed.fire();
      return reply.finally(() => this.close(request.callId));
    });
  }

  private close(callId: string): void {
    const open = this.pending.get(callId);
    if (!open) return;
    this.pending.delete(callId);
    if (!this.settled.has(callId)) this.settled.set(callId, '');
    open.answer({ optionId: open.request.options.find(({ kind }) => kind === 'deny')?.id ?? 'deny' });
    this.changed.fire();
  }
}
