import { l10n, Uri, ViewColumn, type WebviewPanel, window } from 'vscode';
import type { App } from '../app';
import { rollBackTo } from '../commands/checkpoints';
import { checkpointChanges, checkpointName } from '../describe';
import { showPatch } from '../diffs/patch';
import { attempt, sentence } from '../errors';
import type { Checkpoint } from '../protocol';
import type { FromTimeMachine, StepView, Stop, ToTimeMachine } from './messages';
import { pageHtml } from './page';

const MOST = 10_000;
const EXCERPT = 1200;

/** A slider over the checkpoints: what each step changed, and the ways back to it. */
export class TimeMachine {
  private readonly panel: WebviewPanel;
  private checkpoints = new Map<string, Checkpoint>();
  private loads = 0;

  constructor(private readonly app: App) {
    const { context, server } = app;
    const options = {
      enableScripts: true,
      localResourceRoots: [Uri.joinPath(context.extensionUri, 'dist', 'webview')],
    };
    const title = l10n.t('Time Machine');
    this.panel = window.createWebviewPanel('mazu.timeMachine', title, ViewColumn.Active, options);
    this.panel.iconPath = Uri.joinPath(context.extensionUri, 'media', 'icon.svg');
    const follows = server.onChanged(({ what }) => what.includes('checkpoints') && void attempt(() => this.load()));
    this.panel.onDidDispose(() => follows.dispose());
    this.panel.webview.onDidReceiveMessage((message: FromTimeMachine) => void attempt(() => this.handle(message)));
    this.panel.webview.html = pageHtml(this.panel.webview, context.extensionUri, 'timeMachine', title);
  }

  private handle(message: FromTimeMachine): unknown {
    const { server } = this.app;
    switch (message.type) {
      case 'ready':
        return this.load();
      case 'look':
        return this.look(message.id);
      case 'diff':
        return this.diff(message.id, message.path);
      case 'restore':
        return rollBackTo(this.app, message.id);
      case 'restoreFile':
        return rollBackTo(this.app, message.id, { only: ['code'], paths: [message.path] });
      case 'restoreMemory':
        return rollBackTo(this.app, message.id, { only: ['memory'], memories: [message.memory] });
      case 'branch': {
        const checkpoint = this.checkpoints.get(message.id);
        if (!checkpoint?.sessionId) return undefined;
        const from = { sessionId: checkpoint.sessionId, ...(checkpoint.turnId ? { turnId: checkpoint.turnId } : {}) };
        return server.execute('mazu.session.fork', from).then(({ id }) => this.app.chats.show(id));
      }
    }
  }

  private async load(): Promise<void> {
    const mine = ++this.loads;
    const { checkpoints, current } = await this.app.server.execute('mazu.checkpoint.list', { limit: MOST });
    if (mine !== this.loads) return; // a newer list was asked for meanwhile
    this.checkpoints = new Map(checkpoints.map((checkpoint) => [checkpoint.id, checkpoint]));
    const here = new Set<string>();
    let at = current ? this.checkpoints.get(current) : checkpoints[0];
    while (at && !here.has(at.id)) {
      here.add(at.id);
      at = at.parentId ? this.checkpoints.get(at.parentId) : undefined;
    }
    const stops = checkpoints.toReversed().map((checkpoint): Stop => ({
      id: checkpoint.id,
      title: checkpointName(checkpoint),
      at: checkpoint.createdAt,
      kind: checkpoint.kind,
      changes: checkpointChanges(checkpoint),
      here: here.has(checkpoint.id),
      current: checkpoint.id === current,
    }));
    this.post({ type: 'stops', stops });
  }

  private async look(id: string): Promise<void> {
    const step: StepView = { id, files: [], memories: [], said: [], problem: '' };
    const checkpoint = this.checkpoints.get(id);
    if (!checkpoint) return;
    try {
      const [{ files, memories }, said] = await Promise.all([this.changes(checkpoint), this.said(checkpoint)]);
      this.post({ type: 'step', step: { ...step, files, memories: memoryChanges(memories), said } });
    } catch (error) {
      this.post({ type: 'step', step: { ...step, problem: sentence(error) } });
    }
  }

  private async changes({ id, parentId }: Checkpoint) {
    if (!parentId) return { files: [], memories: {} };
    return this.app.server.execute('mazu.checkpoint.diff', { id: parentId, against: id });
  }

  private async said({ sessionId, turnId }: Checkpoint): Promise<StepView['said']> {
    if (!sessionId || !turnId) return [];
    const { turns = [] } = await this.app.server.execute('mazu.session.show', { sessionId, turns: 1000 });
    const turn = turns.find(({ id }) => id === turnId);
    if (!turn) return [];
    return [
      { who: 'You' as const, text: turn.message.slice(0, EXCERPT) },
      { who: 'Mazu' as const, text: turn.reply.slice(0, EXCERPT) },
    ].filter(({ text }) => text);
  }

  private async diff(id: string, path: string): Promise<void> {
    const parent = this.checkpoints.get(id)?.parentId;
    if (!parent) return;
    const { patch } = await this.app.server.execute('mazu.checkpoint.diff', { id: parent, against: id, paths: [path] });
    await showPatch(this.app, path, patch, `${path}: this step`);
  }

  private post(message: ToTimeMachine): void {
    void this.panel.webview.postMessage(message);
  }
}

interface MemoryDiff {
  added?: { id: string; title: string }[];
  changed?: { id: string; title: string }[];
  removed?: { id: string; title: string }[];
}

function memoryChanges({ added = [], changed = [], removed = [] }: MemoryDiff): StepView['memories'] {
  const rows = (list: { id: string; title: string }[], sign: '+' | '~' | '−') =>
    (Array.isArray(list) ? list : []).map(({ id, title }) => ({ id, title, sign }));
  return [...rows(added, '+'), ...rows(changed, '~'), ...rows(removed, '−')];
}
