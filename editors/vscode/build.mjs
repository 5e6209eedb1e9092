import { copyFile, mkdir } from 'node:fs/promises';
import { build } from 'esbuild';

const minify = process.argv.includes('--minify');
const common = { bundle: true, minify, legalComments: 'linked', sourcemap: !minify, logLevel: 'warning' };

await mkdir('dist', { recursive: true });
await build({
  ...common,
  entryPoints: ['src/extension.ts'],
  outfile: 'dist/extension.js',
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode'],
});
await build({
  ...common,
  entryPoints: {
    chat: 'webview/app.tsx',
    council: 'webview/council.tsx',
    timeMachine: 'webview/timeMachine.tsx',
    style: 'webview/style.css',
  },
  outdir: 'dist/webview',
  platform: 'browser',
  format: 'iife',
  target: 'chrome128',
  tsconfig: 'webview/tsconfig.json',
  external: ['*.ttf'],
});
for (const file of ['codicon.css', 'codicon.ttf']) {
  await copyFile(`node_modules/@vscode/codicons/dist/${file}`, `dist/webview/${file}`);
}
