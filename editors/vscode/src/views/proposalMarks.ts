import {
  CodeLens,
  languages,
  MarkdownString,
  OverviewRulerLane,
  Range,
  type TextDocument,
  type TextEditor,
  ThemeColor,
  Uri,
  window,
  l10n,
} from 'vscode';
import type { App } from '../app';
import type { ProposalItem, Proposals } from './proposals';

/** Proposals where they are about: Accept | Reject above each hunk, the lines that would go and those that would come. */
export class ProposalMarks {
  private readonly going = window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: new ThemeColor('diffEditor.removedLineBackground'),
    overviewRulerColor: new ThemeColor('editorOverviewRuler.modifiedForeground'),
    overviewRulerLane: OverviewRulerLane.Left,
  });
  private readonly coming = window.createTextEditorDecorationType({
    after: { color: new ThemeColor('gitDecoration.addedResourceForeground'), margin: '0 0 0 2em' },
  });

  constructor(
    { context }: App,
    private readonly proposals: Proposals,
  ) {
    const draw = () => window.visibleTextEditors.forEach((editor) => this.draw(editor));
    context.subscriptions.push(
      this.going,
      this.coming,
      proposals.onDidChangeTreeData(draw),
      window.onDidChangeVisibleTextEditors(draw),
      languages.registerCodeLensProvider([{ scheme: 'file' }, { scheme: 'untitled' }], {
        onDidChangeCodeLenses: proposals.onDidChangeTreeData,
        provideCodeLenses: (document) => this.of(document).flatMap(lenses),
      }),
    );
  }

  private of(document: TextDocument): ProposalItem[] {
    const uri = document.uri.toString();
    return this.proposals.items.filter(
      ({ value }) => value.state === 'open' && Uri.parse(value.uri).toString() === uri,
    );
  }

  private draw(editor: TextEditor): void {
    const items = this.of(editor.document);
    const hover = (diff: string) => new MarkdownString().appendCodeblock(diff, 'diff');
    editor.setDecorations(
      this.going,
      items.map(({ value }) => ({ range: lines(value.range), hoverMessage: hover(value.diff) })),
    );
    editor.setDecorations(
      this.coming,
      items.map(({ value }) => {
        const end = lines(value.range).end;
        const added = value.diff.split('\n').filter((line) => line.startsWith('+') && !line.startsWith('+++'));
        const text = added.map((line) => line.slice(1).trim()).join(' ⏎ ');
        return {
          range: new Range(end, end),
          renderOptions: { after: { contentText: text && `+ ${text.slice(0, 120)}` } },
        };
      }),
    );
  }
}

/** The lines of a hunk; an end at the start of a line does not reach into it. */
function lines({ start, end }: ProposalItem['value']['range']): Range {
  const last = end.line > start.line && end.character === 0 ? end.line - 1 : end.line;
  return new Range(start.line, 0, last, Number.MAX_SAFE_INTEGER);
}

function lenses(item: ProposalItem): CodeLens[] {
  const { start } = item.value.range;
  const range = new Range(start.line, 0, start.line, 0);
  const lens = (title: string, command: string) => new CodeLens(range, { title, command, arguments: [item] });
  return [
    lens(l10n.t('$(check) Accept'), 'mazu.acceptProposal'),
    lens(l10n.t('$(close) Reject…'), 'mazu.rejectProposal'),
    lens(l10n.t('$(diff) Diff'), 'mazu.showProposal'),
  ];
}
