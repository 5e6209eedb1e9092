import { memo } from './memo';
import { t } from './l10n';
import { useRef } from 'preact/hooks';
import { type Block, MarkdownText } from './markdown';
import type { Prose as ProseItem } from './transcript';
import { seconds } from './words';

const BlockView = memo(({ html }: { html: string }) => (
  <div class="block" dangerouslySetInnerHTML={{ __html: html }} />
));

export function Markdown({ text, streaming }: { text: string; streaming: boolean }) {
  const parsed = useRef<MarkdownText | null>(null);
  parsed.current ??= new MarkdownText();
  const blocks: Block[] = parsed.current.update(text, streaming);
  return (
    <div class="markdown">
      {blocks.map(({ html }, index) => (
        <BlockView key={index} html={html} />
      ))}
    </div>
  );
}

export function Thought({ item }: { item: ProseItem }) {
  const { text, streaming, began, ended } = item;
  const took =
    began !== undefined && ended !== undefined && ended - began >= 500 ? ` for ${seconds(ended - began)}` : '';
  return (
    <details class="thought">
      <summary>{streaming && ended === undefined ? t('Thinking…') : t('Thought{0}', took)}</summary>
      <Markdown text={text} streaming={streaming} />
    </details>
  );
}
