import { commands, type QuickPickItem, window, workspace, l10n } from 'vscode';
import type { App } from '../app';
import { counted, modelPrice, price } from '../describe';
import { attachments } from '../editor';
import { UserError } from '../errors';
import { CouncilPanel } from '../panels/council';
import type { RunArgument, TurnResult } from '../protocol';

const SHORT = 200;

/** Autonomous runs and the council. */
export function registerTaskCommands(app: App): void {
  app.command('mazu.startRun', () => startRun(app));
  app.command('mazu.askCouncil', (question) => askCouncil(app, typeof question === 'string' ? question : ''));
}

async function startRun({ server }: App): Promise<void> {
  const task = await window.showInputBox({
    title: l10n.t('Mazu: run a task'),
    prompt: l10n.t('What to do, and how to verify that it is done'),
    ignoreFocusOut: true,
  });
  if (!task?.trim()) return;
  const options = await askRunOptions();
  if (options) await tellEnd(await server.execute('mazu.run', { task, ...options, wait: true }));
}

/** A run goes on out of sight, so its end is told, with the ways on from there. */
async function tellEnd({ sessionId, reply, stopReason, usage, error }: TurnResult): Promise<void> {
  const line = reply.trim().split('\n', 1)[0] ?? '';
  const said = error?.message ?? (line.length > SHORT ? `${line.slice(0, SHORT)}…` : line);
  const how =
    stopReason === 'end_turn'
      ? l10n.t('the run has ended')
      : l10n.t('the run has stopped ({0})', stopReason.replace('_', ' '));
  const spent = `${counted(usage.steps, 'step')}, ${price(usage.costUsd, usage.estimated, usage.knownCostUsd)}`;
  const text = `Mazu: ${how}: ${said || l10n.t('no reply')} (${spent})`;
  const show = l10n.t('Show Conversation');
  const undo = l10n.t('Undo');
  const tell = stopReason === 'end_turn' ? window.showInformationMessage : window.showWarningMessage;
  const chosen = await tell(text, show, undo);
  if (chosen === show) await commands.executeCommand('mazu.openSession', sessionId);
  if (chosen === undo) await commands.executeCommand('mazu.undoTurn', sessionId);
}

type RunOptions = Omit<RunArgument, 'task' | 'model'>;

interface OptionItem extends QuickPickItem {
  change?: (options: RunOptions) => Promise<void>;
}

/** A menu of limits; it comes back after each change until the run is started or given up. */
async function askRunOptions(): Promise<RunOptions | undefined> {
  const options: RunOptions = {};
  for (;;) {
    const chosen = await window.showQuickPick(optionItems(options), {
      title: l10n.t('Mazu: run a task'),
      placeHolder: l10n.t('Start, or change a limit first'),
      ignoreFocusOut: true,
    });
    if (!chosen) return undefined;
    if (!chosen.change) return options;
    await chosen.change(options);
  }
}

function optionItems(options: RunOptions): OptionItem[] {
  return [
    { label: l10n.t('$(play) Start') },
    {
      label: l10n.t('Steps'),
      description: String(options.maxSteps ?? l10n.t('as set')),
      change: (into) => askNumber(l10n.t('model calls at most'), (value) => (into.maxSteps = value), true),
    },
    {
      label: l10n.t('Cost'),
      description: options.maxCost === undefined ? l10n.t('as set') : price(options.maxCost),
      change: (into) => askNumber(l10n.t('US dollars at most'), (value) => (into.maxCost = value)),
    },
    {
      label: l10n.t('Time'),
      description: options.maxSeconds === undefined ? l10n.t('as set') : `${options.maxSeconds} s`,
      change: (into) => askNumber(l10n.t('seconds at most'), (value) => (into.maxSeconds = value)),
    },
    {
      label: l10n.t('Checkpoint every'),
      description: String(options.checkpointEvery ?? l10n.t('as set')),
      change: (into) => askNumber(l10n.t('steps between checkpoints'), (value) => (into.checkpointEvery = value), true),
    },
    {
      label: l10n.t('Shell commands'),
      description: options.allowShell ? l10n.t('allowed') : l10n.t('not allowed'),
      change: async (into) => void (into.allowShell = !into.allowShell),
    },
  ];
}

async function askNumber(prompt: string, put: (value: number) => void, whole = false): Promise<void> {
  const valid = (text: string) => Number(text) > 0 && (!whole || Number.isInteger(Number(text)));
  const text = await window.showInputBox({
    title: l10n.t('Mazu: run a task'),
    prompt,
    ignoreFocusOut: true,
    validateInput: (value) =>
      valid(value) ? null : whole ? l10n.t('A whole number above 0') : l10n.t('A number above 0'),
  });
  if (text !== undefined) put(Number(text));
}

async function askCouncil(app: App, given: string): Promise<void> {
  const question =
    given ||
    (await window.showInputBox({
      title: l10n.t('Mazu: ask the council'),
      prompt: l10n.t('Several models answer, one compares; a selection goes along'),
      ignoreFocusOut: true,
    }));
  if (!question?.trim()) return;
  const models = await councilModels(app);
  if (!models) return;
  const panel = new CouncilPanel(app, question);
  try {
    const argument = { question, ...(models.length ? { models } : {}), ...attachments(), wait: true } as const;
    panel.show(await app.wait(l10n.t('the council is in session…'), 'mazu.council', argument));
  } catch (error) {
    panel.close();
    throw error;
  }
}

/** The members: those of the settings (none are named then), else two or more that can be called are chosen. */
async function councilModels({ status }: App): Promise<string[] | undefined> {
  if (workspace.getConfiguration('mazu.council').get<string[]>('models', []).length) return [];
  const ready = status.models.filter((model) => model.ready);
  if (ready.length < 2) {
    throw new UserError(
      l10n.t('a council needs two models that can be called.'),
      l10n.t('Set another API key, or run a local model.'),
      [
        { title: l10n.t('Set API Key'), command: 'mazu.setApiKey' },
        { title: l10n.t('Open Setting'), command: 'workbench.action.openSettings', arguments: ['mazu.council.models'] },
      ],
    );
  }
  // The one in use and the cheapest other are ticked, so that nothing dear is chosen unseen.
  const cost = ({ spec }: (typeof ready)[number]) => spec.prices?.output ?? Number.POSITIVE_INFINITY;
  const inUse = ({ name }: (typeof ready)[number]) => name === status.status?.model;
  const others = ready.filter((model) => !inUse(model)).sort((a, b) => cost(a) - cost(b));
  const items = [...ready.filter(inUse), ...others].map((model, index) => ({
    label: model.name,
    description: modelPrice(model),
    picked: index < 2,
  }));
  const chosen = await window.showQuickPick(items, {
    title: l10n.t('Mazu: choose the council members'),
    placeHolder: l10n.t('Two or more; each answers once, one of them compares the answers'),
    canPickMany: true,
    ignoreFocusOut: true,
  });
  if (!chosen) return undefined;
  if (chosen.length < 2) throw new UserError(l10n.t('a council needs at least two models.'));
  return chosen.map(({ label }) => label);
}
