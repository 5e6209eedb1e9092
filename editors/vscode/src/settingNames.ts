/** `web.allowPrivate`, of which VS Code makes the title "Allow Private", is `allow_private` below `web` for the server. */
export const serverName = (key: string): string[] =>
  key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).split('.');
