import { commands, window } from 'vscode';
import type { Server } from '../server';

const TURN = [
  { label: '$(comment-discussion) Open Chat', command: 'mazu.openChat' },
  { label: '$(history) Show Chat History…', command: 'mazu.showHistory' },
  { label: '$(play) Run a Task…', command: 'mazu.startRun' },
  { label: '$(debug-stop) Stop', command: 'mazu.stopTurn' },
  { label: '$(reply) Undo Last Turn', command: 'mazu.undoTurn' },
  { label: '$(save) Create Checkpoint…', command: 'mazu.createCheckpoint' },
  { label: '$(discard) Roll Back…', command: 'mazu.rollBack' },
  { label: '$(settings) Select Model…', command: 'mazu.selectModel' },
  { label: '$(shield) Select Permission Mode…', command: 'mazu.selectMode' },
];
const TRUST = [{ label: '$(shield) Manage Workspace Trust', command: 'workbench.trust.manage' }];
const SERVER = [
  { label: '$(key) Set API Key…', command: 'mazu.setApiKey' },
  { label: '$(output) Show Log', command: 'mazu.showLog' },
  { label: '$(refresh) Restart Server', command: 'mazu.restartServer' },
];

/** What a click on the status bar item offers. */
export async function runMenu(server: Server): Promise<void> {
  const first = { untrusted: TRUST, starting: [], running: TURN, stopped: [] }[server.condition];
  const chosen = await window.showQuickPick([...first, ...SERVER], { title: 'Mazu' });
  if (chosen) await commands.executeCommand(chosen.command);
}
