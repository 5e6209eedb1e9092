import { commands, window, l10n } from 'vscode';
import type { Server } from '../server';

const TURN = [
  { label: l10n.t('$(comment-discussion) Open Chat'), command: 'mazu.openChat' },
  { label: l10n.t('$(history) Show Chat History…'), command: 'mazu.showHistory' },
  { label: l10n.t('$(play) Run a Task…'), command: 'mazu.startRun' },
  { label: l10n.t('$(debug-stop) Stop'), command: 'mazu.stopTurn' },
  { label: l10n.t('$(reply) Undo Last Turn'), command: 'mazu.undoTurn' },
  { label: l10n.t('$(save) Create Checkpoint…'), command: 'mazu.createCheckpoint' },
  { label: l10n.t('$(discard) Roll Back…'), command: 'mazu.rollBack' },
  { label: l10n.t('$(settings) Select Model…'), command: 'mazu.selectModel' },
  { label: l10n.t('$(shield) Select Permission Mode…'), command: 'mazu.selectMode' },
];
const TRUST = [{ label: l10n.t('$(shield) Manage Workspace Trust'), command: 'workbench.trust.manage' }];
const INSTALL = [{ label: l10n.t('$(cloud-download) Install the Server…'), command: 'mazu.installServer' }];
const SERVER = [
  { label: l10n.t('$(key) Set API Key…'), command: 'mazu.setApiKey' },
  { label: l10n.t('$(output) Show Log'), command: 'mazu.showLog' },
  { label: l10n.t('$(refresh) Restart Server'), command: 'mazu.restartServer' },
];

/** What a click on the status bar item offers. */
export async function runMenu(server: Server): Promise<void> {
  const first = { untrusted: TRUST, starting: [], running: TURN, stopped: INSTALL }[server.condition];
  const chosen = await window.showQuickPick([...first, ...SERVER], { title: l10n.t('Mazu') });
  if (chosen) await commands.executeCommand(chosen.command);
}
