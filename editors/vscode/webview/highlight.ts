/** Colours for code: highlight.js with the languages that are asked about most. */

import highlighter from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import cpp from 'highlight.js/lib/languages/cpp';
import diff from 'highlight.js/lib/languages/diff';
import go from 'highlight.js/lib/languages/go';
import java from 'highlight.js/lib/languages/java';
import json from 'highlight.js/lib/languages/json';
import python from 'highlight.js/lib/languages/python';
import rust from 'highlight.js/lib/languages/rust';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';

const LANGUAGES = {
  bash,
  cpp,
  diff,
  go,
  java,
  json,
  python,
  rust,
  typescript,
  xml,
  yaml,
};
const TOO_LONG = 40_000;

for (const [name, language] of Object.entries(LANGUAGES)) highlighter.registerLanguage(name, language);
highlighter.registerAliases(['c', 'h'], { languageName: 'cpp' });
// The grammar of TypeScript reads JavaScript too, and comes in one copy.
highlighter.registerAliases(['javascript', 'js', 'jsx', 'mjs', 'cjs'], { languageName: 'typescript' });

/** HTML of `code`, escaped; coloured where the language is known. */
export function highlight(code: string, language: string): string {
  if (code.length < TOO_LONG && highlighter.getLanguage(language)) {
    return highlighter.highlight(code, { language, ignoreIllegals: true }).value;
  }
  return escapeHtml(code);
}

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign] ?? sign);
