import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { build } from 'esbuild';

const minify = process.argv.includes('--minify');
const common = {
  bundle: true,
  minify,
  charset: 'utf8',
  legalComments: 'linked',
  sourcemap: !minify,
  logLevel: 'warning',
};

/** Parts of the language client for what the server does not offer (see mazu_ls/server/rpc/capabilities.py). */
const UNUSED_FEATURES = new Set([
  'callHierarchy',
  'colorProvider',
  'declaration',
  'definition',
  'diagnostic', // pulled diagnostics: the server pushes its own
  'documentHighlight',
  'formatting',
  'implementation',
  'inlayHint',
  'inlineCompletion',
  'inlineValue',
  'linkedEditingRange',
  'reference',
  'rename',
  'selectionRange',
  'semanticTokens',
  'signatureHelp',
  'typeDefinition',
  'typeHierarchy',
  'workspaceSymbol',
]);
/** In place of each class that such a part exports: a feature that says and does nothing. */
const NO_FEATURE = `
class NoFeature {
  fillClientCapabilities() {}
  initialize() {}
  getState() { return { kind: 'static' }; }
  clear() {}
}
module.exports = new Proxy({}, { get: () => NoFeature });`;
/** The client asks for a version of VS Code; "engines" in package.json asks for a newer one already. */
const NO_VERSION_CHECK = 'module.exports = () => true;';

/** Globs of the client: the server asks for every file, and for no other pattern. */
const EVERY_FILE = `
exports.Minimatch = class {
  constructor(glob) { if (glob !== '**/*') throw new Error('this build of the client knows no glob but **/*, not ' + glob); }
  makeRe() { return true; }
  match() { return true; }
};`;
const IN_PLACE = { semver: NO_VERSION_CHECK, minimatch: EVERY_FILE };

/** What TypeScript writes into each file that it compiles to CommonJS; the client's files all have a copy. */
const HELPER =
  /^var __(createBinding|setModuleDefault|importStar|exportStar) = \(this && this\.__\1\) \|\| [^]*?^\}\)*(?:\(\))?;\n/gm;
const HELPERS = `
exports.__importStar = (it) => (it && it.__esModule ? it : { ...it, default: it });
exports.__exportStar = (it, exports) => {
  for (const name of Object.keys(it)) {
    if (name === 'default' || Object.hasOwn(exports, name)) continue;
    Object.defineProperty(exports, name, { enumerable: true, get: () => it[name] });
  }
};`;
const IMPORT_HELPERS = "const { __importStar, __exportStar } = require('typescript-helpers');\n";

/** In the pages: names of SVG and MathML, of which no text makes anything (a reply's own HTML is shown as text). */
const OTHER_VOCABULARIES =
  /^(const (?:svg|svg\$1|svgFilters|svgDisallowed|mathMl|mathMl\$1|mathMlDisallowed) = freeze\()\[[^]*?\](\);)$/gm;
/** And what colours the elements of a document: the pages give the highlighter text. */
const OF_DOCUMENTS =
  /^( {2}function (?:blockLanguage|updateClassName|highlightElement|initHighlightingOnLoad|highlightAll|upgradePluginAPI|deprecateHighlightBlock)\(.*\) \{)\n[^]*?\n( {2}\})$/gm;
const UNUSED_IN_PAGES = [
  { filter: /dompurify[\\/]dist[\\/]purify\.es\.mjs$/, part: OTHER_VOCABULARIES, empty: '$1[]$2', count: 7 },
  { filter: /highlight\.js[\\/]lib[\\/]core\.js$/, part: OF_DOCUMENTS, empty: '$1$2', count: 7 },
];

const leaveOutOfPages = {
  name: 'leave out what no page uses',
  setup(it) {
    for (const { filter, part, empty, count } of UNUSED_IN_PAGES) {
      it.onLoad({ filter }, async ({ path }) => {
        const text = await readFile(path, 'utf8');
        const found = text.match(part)?.length ?? 0;
        if (found !== count) throw new Error(`${path} has changed: ${found} of ${count} parts were found`);
        return { contents: text.replace(part, empty), loader: 'js' };
      });
    }
  },
};

const leaveOutUnused = {
  name: 'leave out what is not used, or stands there many times',
  setup(it) {
    it.onLoad({ filter: /vscode-[\w-]+[\\/]lib[\\/](common|node)[\\/].*\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const without = text.replace(HELPER, '');
      return { contents: without === text ? text : IMPORT_HELPERS + without, loader: 'js' };
    });
    it.onResolve({ filter: /^typescript-helpers$/ }, ({ path }) => ({ path, namespace: 'helpers' }));
    it.onLoad({ filter: /.*/, namespace: 'helpers' }, () => ({ contents: HELPERS, loader: 'js' }));
    it.onResolve({ filter: /^\.\/\w+$/ }, ({ path, importer }) => {
      const unused = importer.includes('vscode-languageclient') && UNUSED_FEATURES.has(path.slice(2));
      return unused ? { path, namespace: 'no-feature' } : undefined;
    });
    it.onResolve({ filter: /^(semver|minimatch)(\/|$)/ }, ({ path }) => ({ path, namespace: 'in-place' }));
    it.onLoad({ filter: /.*/, namespace: 'no-feature' }, () => ({ contents: NO_FEATURE, loader: 'js' }));
    it.onLoad({ filter: /.*/, namespace: 'in-place' }, ({ path }) => ({
      contents: IN_PLACE[path.split('/', 1)[0]],
      loader: 'js',
    }));
  },
};

await mkdir('dist', { recursive: true });
await build({
  ...common,
  entryPoints: ['src/extension.ts'],
  outfile: 'dist/extension.js',
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode'],
  mangleProps: /^_[a-z]/, // what the client keeps for itself; nothing on the wire and nothing of VS Code begins so
  plugins: [leaveOutUnused],
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
  plugins: [leaveOutOfPages],
});
for (const file of ['codicon.css', 'codicon.ttf']) {
  await copyFile(`node_modules/@vscode/codicons/dist/${file}`, `dist/webview/${file}`);
}
