import { build } from 'esbuild';
const r = await build({
  entryPoints: ['src/extension.ts'],
  bundle: true,
  minify: true,
  metafile: true,
  write: false,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  external: ['vscode'],
  legalComments: 'none',
  mainFields: process.argv[2]?.split(','),
});
const out = Object.values(r.metafile.outputs)[0];
const g = {};
for (const [k, v] of Object.entries(out.inputs)) {
  const n = k
    .replace(/.*node_modules\//, '')
    .split('/')
    .slice(0, 3)
    .join('/');
  g[n] = (g[n] || 0) + v.bytesInOutput;
}
console.log(
  out.bytes,
  Object.fromEntries(
    Object.entries(g)
      .sort((a, b) => b[1] - a[1])
      .slice(0, 25),
  ),
);
