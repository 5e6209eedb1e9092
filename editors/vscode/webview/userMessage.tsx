import { useState } from 'preact/hooks';
import type { Part, RewindPreview } from '../src/chat/messages';
import { newSendingId, send } from './host';
import { t } from './l10n';
import { Field } from './question';
import type { Turn } from './transcript';
import { clock, counted } from './words';

type Mode = 'read' | 'edit' | 'rewind';

interface Props {
  turn: Turn;
  /** What going back to before this turn would do; asked for when it is wanted. */
  preview: RewindPreview | null;
  last: boolean;
  busy: boolean;
}

/** What the user said, and what can be done from there: edit and resend, go back, fork. */
export function UserMessage({ turn, preview, last, busy }: Props) {
  const [mode, setMode] = useState<Mode>('read');
  const text = turn.user?.text ?? '';
  // What was shown when it was asked for anew may be true no more.
  const read = () => {
    setMode('read');
    document.querySelector<HTMLElement>('.composer textarea')?.focus(); // the field that had the keyboard is gone
  };
  const [stale, setStale] = useState<RewindPreview | null>(null);
  const rewind = () => {
    setStale(preview);
    setMode(mode === 'rewind' ? 'read' : 'rewind');
    send({ type: 'preview', turnId: turn.id, last });
  };
  return (
    <div class="user">
      <div class="head">
        <span class="who">{t('You')}</span>
        <span class="time">{clock(turn.at)}</span>
        <span class="tools">
          <Tool label={t('Copy')} icon="copy" onClick={() => send({ type: 'copy', text })} />
          <Tool label={t('Edit and resend')} icon="edit" disabled={busy} onClick={() => setMode('edit')} />
          <Tool label={t('Rewind to before this message…')} icon="discard" disabled={busy} onClick={rewind} />
        </span>
      </div>
      {mode === 'edit' ? (
        <Field
          label={t('Edit and resend: later turns are undone and kept as a branch')}
          value={text}
          action={t('Resend')}
          onDone={(value) => {
            read();
            const text = value.trim();
            if (text) send({ type: 'resend', id: newSendingId(), turnId: turn.id, last, text, parts: 'both' });
          }}
          onCancel={read}
        />
      ) : (
        <div class="said">{text}</div>
      )}
      {turn.user && turn.user.attachments.length > 0 && (
        <div class="chips">
          {turn.user.attachments.map(({ path, name, range }) =>
            path === undefined ? (
              <span key={name} class="chip">
                {name}
              </span>
            ) : (
              <button
                key={`${path}${range?.start.line ?? ''}`}
                type="button"
                class="chip"
                onClick={() => send({ type: 'openFile', path, ...(range ? { line: range.start.line } : {}) })}
              >
                {range ? `${path}:${range.start.line + 1}-${range.end.line + 1}` : shownPath(path)}
              </button>
            ),
          )}
        </div>
      )}
      {mode === 'rewind' && (
        <Rewind turn={turn} preview={preview === stale ? null : preview} last={last} onClose={() => setMode('read')} />
      )}
    </div>
  );
}

/** A pasted picture lies outside of the project: its name says enough. */
const shownPath = (path: string): string => (path.startsWith('/') ? path.slice(path.lastIndexOf('/') + 1) : path);

interface ToolProps {
  label: string;
  icon: string;
  disabled?: boolean;
  onClick(): void;
}

export function Tool({ label, icon, disabled, onClick }: ToolProps) {
  return (
    <button
      type="button"
      class={`tool codicon codicon-${icon}`}
      aria-label={label}
      title={label}
      disabled={disabled}
      onClick={onClick}
    />
  );
}

interface RewindProps {
  turn: Turn;
  preview: RewindPreview | null;
  last: boolean;
  onClose(): void;
}

function Rewind({ turn, preview, last, onClose }: RewindProps) {
  const conflicts = preview?.conflicts ?? [];
  const go = (parts: Part, onConflict?: 'keep' | 'overwrite') => {
    onClose();
    send({ type: 'rewind', turnId: turn.id, last, parts, ...(onConflict ? { onConflict } : {}) });
  };
  return (
    <div class="rewind" role="group" aria-label={t('Rewind to before this message')}>
      <p>{preview ? summary(preview) : t('Looking at what would change…')}</p>
      {preview && <Files preview={preview} />}
      <div class="answers">
        <button
          type="button"
          class="primary"
          disabled={!preview}
          onClick={() => go('both', conflicts.length ? 'keep' : undefined)}
        >
          {conflicts.length ? t('Rewind both, keep my changes') : t('Rewind code and conversation')}
        </button>
        {conflicts.length > 0 && (
          <button type="button" class="secondary" onClick={() => go('both', 'overwrite')}>
            {t('Rewind both, everything as it was')}
          </button>
        )}
        <button
          type="button"
          class="secondary"
          disabled={!preview}
          onClick={() => go('code', conflicts.length ? 'keep' : undefined)}
        >
          {t('Code only')}
        </button>
        <button type="button" class="secondary" onClick={() => go('conversation')}>
          {t('Conversation only')}
        </button>
        <button
          type="button"
          class="secondary"
          title={t('A new conversation with everything up to here; this one stays as it is')}
          onClick={() => {
            onClose();
            send({ type: 'fork', turnId: turn.id });
          }}
        >
          {t('Fork from here')}
        </button>
        <button type="button" class="secondary" onClick={onClose}>
          {t('Cancel')}
        </button>
      </div>
    </div>
  );
}

function summary({ write, delete: deleted, buffers, problem }: RewindPreview): string {
  if (problem) return problem;
  const parts = [
    write.length && t('{0} put back', counted(write.length, 'file')),
    deleted.length && t('{0} removed', counted(deleted.length, 'file')),
    buffers.length && t('{0} changed', counted(buffers.length, 'editor')),
  ].filter(Boolean);
  const what = parts.length ? parts.join(', ') : t('No file would change');
  return t('Nothing has been touched yet. {0}; you can undo it afterwards.', what);
}

function Files({ preview }: { preview: RewindPreview }) {
  const rows: [string, string, string][] = [
    ...preview.conflicts.map(({ path, reason }): [string, string, string] => [
      '!',
      path,
      reason || t('you changed it since'),
    ]),
    ...preview.write.map((path): [string, string, string] => ['~', path, '']),
    ...preview.delete.map((path): [string, string, string] => ['−', path, '']),
    ...preview.buffers.map((path): [string, string, string] => ['~', path, t('in the editor')]),
    ...preview.keep.map(({ path, reason }): [string, string, string] => ['=', path, reason || t('kept as it is')]),
  ];
  return (
    <ul class="files">
      {rows.slice(0, 50).map(([mark, path, reason]) => (
        <li key={mark + path}>
          <span class="sign">{mark}</span>
          <button type="button" class="link" onClick={() => send({ type: 'openFile', path })}>
            {path}
          </button>
          <span class="outcome">{reason}</span>
        </li>
      ))}
    </ul>
  );
}
