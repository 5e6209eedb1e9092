// Tests inside the extension host, of what has no pixels: commands, language-model tools and models, memories as files,
// documents of checkpoints, what VS Code is given for an editor. Started by a command, in a project that has memories
// and a checkpoint; the result is $HOME/host-tests.json.
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const vscode = require('vscode');

const ours = () => vscode.extensions.getExtension('mazu.mazu-ls');
const tool = async (name, input) => {
  const { content } = await vscode.lm.invokeTool(name, { input, toolInvocationToken: undefined });
  return JSON.parse(content.map((part) => part.value).join(''));
};
const appUri = () => vscode.Uri.joinPath(vscode.workspace.workspaceFolders[0].uri, 'app.py');
const position = new vscode.Position(5, 4);

const TESTS = {
  'every command of the manifest is registered': async () => {
    const there = new Set(await vscode.commands.getCommands(true));
    const { commands } = ours().packageJSON.contributes;
    assert.deepEqual(
      commands.map(({ command }) => command).filter((command) => !there.has(command)),
      [],
    );
  },
  'every tool that the manifest declares is offered to other agents, with a schema': async () => {
    const { languageModelTools } = ours().packageJSON.contributes;
    const offered = new Map(vscode.lm.tools.map((one) => [one.name, one]));
    for (const { name, inputSchema } of languageModelTools)
      assert.deepEqual(offered.get(name)?.inputSchema?.properties, inputSchema.properties, name);
  },
  'another agent recalls what is remembered': async () => {
    const { memories } = await tool('mazu_recall', { query: 'how do we double a number?' });
    assert.match(memories[0].title, /double by multiplying/);
  },
  'a wrong call of a tool says what is wrong': () =>
    assert.rejects(tool('mazu_recall', { query: 'x', depth: 3 }), /mazu_recall failed: .*depth/s),
  'a memory is read, written and kept as a file': async () => {
    const { memories } = await tool('mazu_recall', { query: 'how do we double a number?' });
    const { id, scope, title } = memories[0];
    const uri = vscode.Uri.from({ scheme: 'mazu-memory', path: '/any name.md', query: `${scope}/${id}` });
    const text = Buffer.from(await vscode.workspace.fs.readFile(uri)).toString();
    assert.ok(text.startsWith(`# ${title}\n`), text);
    await vscode.workspace.fs.writeFile(uri, Buffer.from(text.replace(title, `${title}, ever`)));
    const after = await tool('mazu_recall', { query: 'how do we double a number?' });
    assert.equal(after.memories[0].title, `${title}, ever`);
    await assert.rejects(async () => vscode.workspace.fs.writeFile(uri, Buffer.from('\n')), /title/);
    await assert.rejects(async () => vscode.workspace.fs.delete(uri));
    await vscode.workspace.fs.writeFile(uri, Buffer.from(text));
  },
  'a checkpoint holds a file as it was, as a document': async () => {
    const { id } = await tool('mazu_checkpoint', { label: 'from the host' });
    const uri = vscode.Uri.from({ scheme: 'mazu', path: `/checkpoint/${id}/file/app.py` });
    const then = await vscode.workspace.openTextDocument(uri);
    assert.equal(then.getText(), fs.readFileSync(appUri().fsPath, 'utf8'));
  },
  'a rollback by another agent keeps what only the user changed, and asks nothing out of its sight': async () => {
    const { id } = await tool('mazu_checkpoint', { label: 'before the rollback' });
    const was = fs.readFileSync(appUri().fsPath, 'utf8');
    fs.writeFileSync(appUri().fsPath, `${was}# mine\n`);
    try {
      const { applied, plan } = await tool('mazu_rollback', { id });
      assert.deepEqual([applied, plan.write], [true, []]);
      assert.equal(fs.readFileSync(appUri().fsPath, 'utf8'), `${was}# mine\n`);
    } finally {
      fs.writeFileSync(appUri().fsPath, was);
    }
  },
  'the model in force is a model of VS Code, which counts tokens': async () => {
    const [model] = await vscode.lm.selectChatModels({ vendor: 'mazu' });
    assert.match(model.name, /^Mazu \(/);
    // Which VS Code picks: the first by name.
    const named = (await vscode.lm.selectChatModels({})).map(({ name }) => name);
    assert.ok(named.length > 1 && named.sort((a, b) => a.localeCompare(b))[0] === model.name, named.join());
    assert.ok(model.maxInputTokens > 10_000);
    assert.equal(await model.countTokens('12345678'), 2);
  },
  'another agent gets the answer of a model as it comes, and its tool calls': async () => {
    const [model] = await vscode.lm.selectChatModels({ vendor: 'mazu' });
    const tools = [{ name: 'weather', description: 'Says it.', inputSchema: { type: 'object' } }];
    const question = vscode.LanguageModelChatMessage.User('stream to the other agent');
    const parts = [];
    const { stream } = await model.sendRequest([question], { tools });
    for await (const part of stream) parts.push(part);
    const texts = parts.filter((part) => part instanceof vscode.LanguageModelTextPart);
    assert.equal(texts.map(({ value }) => value).join(''), 'It will rain in Oslo at six.');
    assert.ok(texts.length > 2, `${texts.length} parts`);
    const calls = parts.filter((part) => part instanceof vscode.LanguageModelToolCallPart);
    assert.deepEqual(
      calls.map(({ name, input }) => [name, input]),
      [['weather', { city: 'Oslo' }]],
    );
  },
  'an editor gets lenses and actions of memory': async () => {
    const lenses = await vscode.commands.executeCommand('vscode.executeCodeLensProvider', appUri(), 100);
    assert.ok(lenses.some(({ command }) => /double by multiplying/.test(command?.title ?? '')));
    const range = new vscode.Range(position, position);
    const actions = await vscode.commands.executeCommand('vscode.executeCodeActionProvider', appUri(), range);
    assert.ok(actions.some(({ title }) => title.startsWith('Mazu: explain')));
    assert.ok(actions.some(({ title }) => title.startsWith('Mazu: remember this')));
  },
  'nothing of it waits to be saved, and no file of it lies in the project': () => {
    assert.deepEqual(
      vscode.workspace.textDocuments.filter(({ isDirty }) => isDirty).map(({ uri }) => `${uri}`),
      [],
    );
    const folder = vscode.workspace.workspaceFolders[0].uri.fsPath;
    assert.deepEqual(
      fs.readdirSync(folder).filter((name) => /mazu/.test(name) && name !== '.mazu'),
      [],
    );
  },
};

exports.activate = ({ subscriptions }) => {
  const run = async () => {
    const results = [];
    for (const [name, test] of Object.entries(TESTS)) {
      const problem = await Promise.resolve()
        .then(test)
        .then(
          () => '',
          (error) => String(error?.stack ?? error),
        );
      results.push({ name, problem });
    }
    const file = path.join(process.env.HOME, 'host-tests.json');
    fs.writeFileSync(`${file}.part`, JSON.stringify(results));
    fs.renameSync(`${file}.part`, file);
  };
  subscriptions.push(vscode.commands.registerCommand('mazuHostTests.run', run));
};
