// Writes l10n/bundle.l10n.json, the strings that can be translated: what l10n.t() says in src/ and t() in webview/.
// A translation is a file bundle.l10n.<language>.json beside it. With --check nothing is written: it says what is missing.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import ts from 'typescript';

const BUNDLE = 'l10n/bundle.l10n.json';
const CALLS = new Set(['l10n.t', 't']);

async function stringsOf(file, found) {
  const text = await readFile(file, 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  const visit = (node) => {
    if (ts.isCallExpression(node) && CALLS.has(node.expression.getText())) {
      const [first] = node.arguments;
      if (!first || !ts.isStringLiteralLike(first)) throw new Error(`${file}: ${node.getText()} has no plain string`);
      found.add(first.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
}

const found = new Set();
for (const folder of ['src', 'webview']) {
  for (const name of await readdir(folder, { recursive: true })) {
    if (/\.tsx?$/.test(name) && name !== 'l10n.ts') await stringsOf(path.join(folder, name), found);
  }
}
const bundle = `${JSON.stringify(Object.fromEntries([...found].sort().map((text) => [text, text])), null, 2)}\n`;
if (process.argv.includes('--check')) {
  const known = await readFile(BUNDLE, 'utf8').catch(() => '');
  if (known !== bundle) {
    console.error(`${BUNDLE} is out of date: run "npm run l10n"`);
    process.exitCode = 1;
  }
} else {
  await mkdir(path.dirname(BUNDLE), { recursive: true });
  await writeFile(BUNDLE, bundle);
}
