import { window } from 'vscode';
import type { App } from '../app';
import { runMenu } from './menu';

const MODES = [
  { label: 'ask', description: 'Ask before edits and commands' },
  { label: 'auto', description: 'Edits and harmless commands run; the rest asks' },
  { label: 'plan', description: 'Read only' },
  { label: 'bypass', description: 'Never ask; what is always forbidden stays forbidden' },
];

/** The server itself: model, mode, keys, log, restart. */
export function registerServerCommands(app: App): void {
  app.command('mazu.showLog', () => app.log.show());
  app.command('mazu.restartServer', () => app.server.restart());
  app.command('mazu.setApiKey', () => setApiKey(app));
  app.command('mazu.selectModel', () => selectModel(app));
  app.command('mazu.selectMode', () => selectMode(app));
  app.command('mazu.showMenu', () => runMenu(app.server));
}

async function setApiKey({ keys, server }: App): Promise<void> {
  if ((await keys.ask()) && server.condition !== 'untrusted') await server.restart();
}

async function selectModel({ server }: App): Promise<void> {
  const { models, current } = await server.execute('mazu.models.list');
  const items = models.map(({ name, ready }) => ({
    label: name,
    description: name === current ? 'current' : ready ? '' : 'needs an API key',
  }));
  const chosen = await window.showQuickPick(items, {
    title: 'Mazu: model',
    placeHolder: current ?? 'No model is chosen',
  });
  if (chosen) await server.execute('mazu.models.set', { model: chosen.label });
}

async function selectMode({ server }: App): Promise<void> {
  const chosen = await window.showQuickPick(MODES, { title: 'Mazu: what may the agent do without asking?' });
  if (chosen) await server.execute('mazu.permissions.mode', { mode: chosen.label });
}
