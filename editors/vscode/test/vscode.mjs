// Outside of VS Code: its strings in English, and one folder.
export const l10n = {
  t: (text, ...values) => text.replace(/\{(\d+)\}/g, (whole, place) => String(values[place] ?? whole)),
};
export const Uri = { parse: (uri) => uri };
export const workspace = { asRelativePath: (uri) => uri.replace('file:///project/', '') };
