/** Markdown as safe HTML, block by block, so that a reply that streams costs what its last block costs. */

import DOMPurify from 'dompurify';
import { Marked, type Token, type TokensList } from 'marked';
import { escapeHtml, highlight } from './highlight';
import { t } from './l10n';

export interface Block {
  html: string;
  /** Where it ends in the text. */
  end: number;
}

const ALLOWED = {
  ADD_ATTR: ['data-copy', 'data-insert'],
  FORBID_TAGS: ['style', 'img', 'form'],
  FORBID_ATTR: ['style'],
};
// A list runs the way its text does.
DOMPurify.addHook('afterSanitizeAttributes', (node) => {
  if (node.nodeName === 'UL' || node.nodeName === 'OL') node.setAttribute('dir', 'auto');
});
/** Code that still streams is coloured when it is whole. */
let colours = true;

const button = (what: 'copy' | 'insert', hint: string, label: string): string =>
  `<button type="button" data-${what} title="${escapeHtml(hint)}">${escapeHtml(label)}</button>`;

const marked = new Marked({
  gfm: true,
  renderer: {
    code({ text, lang }) {
      const language = (lang ?? '').trim().split(/\s/, 1)[0] ?? '';
      const code = colours ? highlight(text, language) : escapeHtml(text);
      const bar =
        `<span class="language">${escapeHtml(language || 'text')}</span>` +
        button('copy', t('Copy this code'), t('Copy')) +
        button('insert', t('Insert this code at the cursor'), t('Insert'));
      return `<div class="code"><div class="code-bar">${bar}</div><pre tabindex="0"><code>${code}</code></pre></div>`;
    },
    // A model's HTML is shown, never built in.
    html: ({ text }) => escapeHtml(text),
    // Nothing is loaded from anywhere: a picture is a link to it.
    image: ({ href, text }) => `<a href="${escapeHtml(href)}">${escapeHtml(text || href)}</a>`,
  },
});

/** A text that grows at its end. */
export class MarkdownText {
  private text = '';
  private finished: Block[] = [];
  private links: TokensList['links'] = {};

  /** The blocks of `text`; those that can change no more are the same objects as last time. */
  update(given: string, streaming: boolean): Block[] {
    const text = given.replaceAll('\r\n', '\n');
    if (!text.startsWith(this.text)) this.finished = [];
    this.text = text;
    const from = this.finished.at(-1)?.end ?? 0;
    const tokens = marked.lexer(text.slice(from));
    this.links = Object.assign(this.links, tokens.links);
    let end = from;
    const blocks = tokens.flatMap((token, index): Block[] => {
      end += token.raw.length;
      if (token.type === 'space' || token.type === 'def') return [];
      return [{ html: render(token, this.links, !streaming || index < tokens.length - 1), end }];
    });
    const shown = [...this.finished, ...blocks];
    // The last block grows, and what comes may still join the one before it (a list, a table).
    if (streaming && blocks.length > 2) this.finished = shown.slice(0, -2);
    return shown;
  }
}

function render(token: Token, links: TokensList['links'], whole: boolean): string {
  colours = whole;
  const list = Object.assign([token], { links });
  return DOMPurify.sanitize(marked.parser(list), ALLOWED);
}
