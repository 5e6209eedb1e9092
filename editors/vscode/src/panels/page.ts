import { randomBytes } from 'node:crypto';
import { env, l10n, Uri, type Webview } from 'vscode';

export type PageName = 'chat' | 'council' | 'timeMachine';

/** A page of ours: our own script by its nonce, our own styles and font, nothing from anywhere else. */
export function pageHtml(webview: Webview, extension: Uri, name: PageName, title: string): string {
  const nonce = randomBytes(16).toString('base64');
  const file = (name: string) => webview.asWebviewUri(Uri.joinPath(extension, 'dist', 'webview', name)).toString();
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${webview.cspSource} 'unsafe-inline'`,
    `font-src ${webview.cspSource}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="${l10n.bundle ? env.language : 'en'}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="stylesheet" href="${file('codicon.css')}">
<link rel="stylesheet" href="${file('style.css')}">
</head>
<body><div id="root"></div>
<script type="application/json" id="l10n">${strings()}</script>
<script nonce="${nonce}" src="${file(`${name}.js`)}"></script></body>
</html>`;
}

/** The page's strings in the language of the editor; a "<" in them ends no script. */
const strings = (): string => JSON.stringify(l10n.bundle ?? {}).replaceAll('<', '\\u003c');
