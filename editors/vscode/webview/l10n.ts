/** Strings of the pages in the language of the editor: its bundle comes with the page, "" in English. */

type Bundle = Record<string, string>;

const bundle = JSON.parse(globalThis.document?.getElementById('l10n')?.textContent || '{}') as Bundle;

/** `text`, or its translation, with `{0}`, `{1}`, … replaced. */
export function t(text: string, ...values: (string | number)[]): string {
  const said = bundle[text] ?? text;
  return said.replace(/\{(\d+)\}/g, (whole, place: string) => String(values[Number(place)] ?? whole));
}
