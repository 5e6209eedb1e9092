// Outside of VS Code: its strings in English.
export const l10n = {
  t: (text, ...values) => text.replace(/\{(\d+)\}/g, (whole, place) => String(values[place] ?? whole)),
};
