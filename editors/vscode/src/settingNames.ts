/** `web.allowPrivate`, of which VS Code makes the title "Allow Private", is `allow_private` below `web` for the server. */
export const serverName = (key: string): string[] =>
  key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).split('.');

/** `web.allow_private`: what a setting was called in the first snapshots; still read, so that no limit is lost. */
export const formerKey = (key: string): string => serverName(key).join('.');
