// Bundles the unit tests and runs them with Node's own test runner.
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
const out = await mkdtemp(path.join(os.tmpdir(), 'mazu-tests-'));
try {
  const entryPoints = (await readdir(here))
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => path.join(here, name));
  await build({
    entryPoints,
    outdir: out,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // what runs outside of VS Code has no translations
    alias: { vscode: path.join(here, 'vscode.mjs') },
    logLevel: 'warning',
  });
  const files = (await readdir(out)).filter((name) => name.endsWith('.mjs')).map((name) => path.join(out, name));
  const { status } = spawnSync(process.execPath, ['--test', ...files], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
} finally {
  await rm(out, { recursive: true, force: true });
}
