/**
 * Passes on a text that comes in parts to somebody from whom nothing can be taken back. An answer that begins again,
 * because the model's service failed in its middle, goes on where it says the same, and else follows as a new paragraph.
 */
export class StreamedText {
  private shown = '';
  private now = '';

  constructor(private readonly show: (text: string) => void) {}

  /** The next part; undefined where the answer begins again. */
  take(part: string | undefined): void {
    if (part === undefined) {
      this.now = '';
      return;
    }
    this.now += part;
    if (!this.shown.startsWith(this.now)) this.pass(this.now);
  }

  /** The whole text, which may end in what was not sent in parts. */
  end(text: string): void {
    if (!this.shown.includes(text.trim())) this.pass(text);
  }

  private pass(text: string): void {
    const goesOn = text.startsWith(this.shown);
    this.show(goesOn ? text.slice(this.shown.length) : `\n\n${text}`);
    this.shown = text;
  }
}
