import { send } from './host';
import { t } from './l10n';
import { store } from './store';

const MIB = 1024 * 1024;
/** The server makes pictures fit for the model. */
const LARGEST_IMAGE = 20 * MIB;
const LARGEST_TEXT = MIB / 4;

/** Pictures from the clipboard; text is pasted as text. */
export function onPaste(event: ClipboardEvent): void {
  const files = [...(event.clipboardData?.files ?? [])].filter(isImage);
  if (!files.length) return;
  event.preventDefault();
  files.forEach(attachImage);
}

/** What is dragged from the editor goes along by its address, what comes from outside by its content. */
export function onDrop(event: DragEvent): void {
  event.preventDefault();
  const list =
    event.dataTransfer?.getData('application/vnd.code.uri-list') || event.dataTransfer?.getData('text/uri-list');
  const uris = (list ?? '').split(/\r?\n/).filter((line) => line && !line.startsWith('#'));
  if (uris.length) return send({ type: 'drop', uris });
  for (const file of event.dataTransfer?.files ?? []) {
    if (isImage(file)) attachImage(file);
    else void attachText(file);
  }
}

const isImage = ({ type }: File): boolean => type.startsWith('image/');

function attachImage(file: File): void {
  if (file.size > LARGEST_IMAGE) return refuse(t('{0} is larger than {1} MiB.', file.name, LARGEST_IMAGE / MIB));
  const reader = new FileReader();
  reader.onload = () => {
    const base64 = String(reader.result).replace(/^[^,]*,/, '');
    send({ type: 'image', name: file.name || 'image', mime: file.type, base64 });
  };
  reader.readAsDataURL(file);
}

async function attachText(file: File): Promise<void> {
  const text = file.size > LARGEST_TEXT ? '\0' : await file.text().catch(() => '\0');
  if (text.includes('\0')) return refuse(t('{0} is not a picture, and not a short text.', file.name));
  store.receive({ type: 'chips', chips: [{ id: `dropped/${file.name}`, kind: 'file', label: file.name, text }] });
}

const refuse = (why: string): void => {
  const text = `${why} ${t('It was not attached.')}`;
  store.receive({ type: 'notice', level: 'error', text });
};
