import { build } from 'esbuild';

const minify = process.argv.includes('--minify');

await build({
  entryPoints: ['src/extension.ts'],
  outfile: 'dist/extension.js',
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode'],
  minify,
  sourcemap: !minify,
  logLevel: 'warning',
});
