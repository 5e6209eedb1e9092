import {
  CodeLens,
  EventEmitter,
  languages,
  Range,
  type TextDocument,
  type TextEditor,
  ThemeColor,
  Uri,
  window,
  l10n,
} from 'vscode';
import type { App } from '../app';
import { UserError } from '../errors';
import type { TurnFiles } from '../protocol';

type File = TurnFiles['files'][number];

interface Review {
  sessionId: string;
  turnId: string;
  files: File[];
}

/**
 * The changes of the turn that is under review, in the files themselves: Keep | Undo above each hunk, and for the file.
 * What is kept is a matter of this view alone; what is undone goes through the server.
 */
export class TurnMarks {
  private readonly changed = new EventEmitter<void>();
  private readonly lines = window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: new ThemeColor('diffEditor.insertedLineBackground'),
  });
  private review: Review | undefined;

  constructor(private readonly app: App) {
    const provider = {
      onDidChangeCodeLenses: this.changed.event,
      provideCodeLenses: (document: TextDocument) => this.lenses(document),
    };
    app.context.subscriptions.push(
      this.changed,
      this.lines,
      languages.registerCodeLensProvider({ scheme: 'file' }, provider),
      window.onDidChangeVisibleTextEditors(() => this.draw()),
    );
    app.server.onUpdate(({ update }) => {
      // What comes next changes the files: the marks would stand at the wrong lines.
      if (update.kind === 'turn' || update.kind === 'head') this.show(undefined);
    });
    app.command('mazu.keepChange', (ids) => this.drop(ids as string[]));
    app.command('mazu.undoChange', (ids) => this.undo(ids as string[]));
  }

  show(review: Review | undefined): void {
    this.review = review?.files.length ? review : undefined;
    this.changed.fire();
    this.draw();
  }

  private of(document: TextDocument): File | undefined {
    const uri = document.uri.toString();
    return this.review?.files.find((file) => Uri.parse(file.uri).toString() === uri);
  }

  private lenses(document: TextDocument): CodeLens[] {
    const hunks = this.of(document)?.hunks ?? [];
    const all = hunks.map(({ id }) => id);
    return hunks.flatMap(({ id, range: { start } }, index) => {
      const range = new Range(start.line, 0, start.line, 0);
      const lens = (title: string, command: string, ids: string[]) =>
        new CodeLens(range, { title, command, arguments: [ids] });
      const file =
        index === 0 && all.length > 1
          ? [lens(l10n.t('Keep file'), 'mazu.keepChange', all), lens(l10n.t('Undo file'), 'mazu.undoChange', all)]
          : [];
      return [
        lens(l10n.t('$(check) Keep'), 'mazu.keepChange', [id]),
        lens(l10n.t('$(discard) Undo'), 'mazu.undoChange', [id]),
        ...file,
      ];
    });
  }

  private draw(): void {
    for (const editor of window.visibleTextEditors) this.drawIn(editor);
  }

  private drawIn(editor: TextEditor): void {
    const hunks = this.of(editor.document)?.hunks ?? [];
    editor.setDecorations(
      this.lines,
      hunks
        .filter(({ range: { start, end } }) => end.line > start.line || end.character > start.character)
        .map(({ range: { start, end } }) => {
          const last = end.character === 0 ? end.line - 1 : end.line;
          return new Range(start.line, 0, Math.max(start.line, last), 0);
        }),
    );
  }

  private drop(ids: string[]): void {
    if (!this.review) return;
    const files = this.review.files
      .map((file) => ({ ...file, hunks: file.hunks.filter(({ id }) => !ids.includes(id)) }))
      .filter(({ hunks }) => hunks.length > 0);
    this.show({ ...this.review, files });
  }

  private async undo(ids: string[]): Promise<void> {
    if (!this.review) return;
    const { sessionId, turnId, files } = this.review;
    const left = files.flatMap(({ hunks }) => hunks.map(({ id }) => id)).filter((id) => !ids.includes(id));
    const { applied, problems } = await this.app.server.execute('mazu.turn.revert', { sessionId, turnId, hunks: ids });
    if (!applied || problems.length) {
      const why = problems.map(({ path, reason }) => `${path}: ${reason}`).join(' ');
      throw new UserError(l10n.t('not everything was undone.'), why);
    }
    // The lines have moved; those that are left are read anew.
    const now = await this.app.server.execute('mazu.turn.changes', { sessionId, turnId });
    const known = now.files.map((file) => ({ ...file, hunks: file.hunks.filter(({ id }) => left.includes(id)) }));
    this.show({ sessionId, turnId, files: known.filter(({ hunks }) => hunks.length > 0) });
  }
}
