import { l10n, window } from 'vscode';
import type { App } from '../app';
import { UserError } from '../errors';
import type { Memory } from '../protocol';
import { MemoryItem } from '../views/memoryRows';

/** Memory that a team has in common: shared and withdrawn one by one, exchanged through git. */
export function registerTeamMemory(app: App): void {
  app.command('mazu.shareMemory', (item) => item instanceof MemoryItem && share(app, item.value));
  app.command('mazu.unshareMemory', (item) => item instanceof MemoryItem && unshare(app, item.value));
  app.command('mazu.syncMemory', () => sync(app));
}

async function share({ server }: App, { id }: Memory): Promise<void> {
  const { memories, refused, remote } = await server.execute('mazu.memory.share', { ids: [id] });
  const [first] = refused;
  if (first) throw new UserError(first.why);
  const [memory] = memories;
  const title = memory?.title ?? id;
  const said =
    remote === null
      ? l10n.t('Mazu: shared: {0}. Commit the folder .mazu/shared, and the others get it.', title)
      : l10n.t('Mazu: shared: {0}. The next sync sends it to {1}.', title, remote);
  window.setStatusBarMessage(said, 8000);
}

async function unshare({ server }: App, { id }: Memory): Promise<void> {
  const { memories, refused } = await server.execute('mazu.memory.unshare', { ids: [id] });
  const [first] = refused;
  if (first) throw new UserError(first.why);
  window.setStatusBarMessage(l10n.t('Mazu: shared no more: {0}', memories[0]?.title ?? id), 6000);
}

async function sync(app: App): Promise<void> {
  const result = await app.wait(l10n.t('exchanging team memory…'), 'mazu.memory.sync', {});
  const { place, sent, received, removed, waiting, refused, problems } = result;
  app.refreshViews();
  const counts = l10n.t('{0} sent, {1} received, {2} removed, {3} to be decided', sent, received, removed, waiting);
  const wrong = [...problems, ...refused.map(({ id, why }) => `${id}: ${why}`)];
  const decide = l10n.t('Decide');
  const show = wrong.length ? window.showWarningMessage : window.showInformationMessage;
  const said = [l10n.t('Mazu: team memory ({0}): {1}.', place, counts), ...wrong.slice(0, 3)].join(' ');
  if ((await show(said, ...(waiting ? [decide] : []))) === decide) await app.showView('memory');
}
