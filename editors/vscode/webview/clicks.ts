import { send } from './host';

/** Clicks into rendered Markdown: the buttons of code blocks, and links, which the extension opens. */
export function onTranscriptClick(event: MouseEvent): void {
  const target = event.target as HTMLElement;
  const button = target.closest('button[data-copy], button[data-insert]');
  if (button) {
    const text = button.closest('.code')?.querySelector('code')?.textContent ?? '';
    send({ type: button.hasAttribute('data-copy') ? 'copy' : 'insert', text });
    return;
  }
  const href = target.closest('.markdown a')?.getAttribute('href');
  if (href === null || href === undefined) return;
  event.preventDefault();
  send({ type: 'openLink', href });
}
