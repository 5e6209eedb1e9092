import { workspace } from 'vscode';
import { formerKey, serverName } from './settingNames';

type Tree = { [key: string]: unknown };

/** The key under which the server expects what a workspace's own files say: it may tighten, not loosen. */
const WORKSPACE_VALUES = 'workspace';

/**
 * The settings of section `mazu` that somebody has set, as the server names them: the user's own at the top, what
 * `.vscode/settings.json` and `.code-workspace` files say under `workspace`, since a clone brings those along.
 *
 * Defaults are left out: the server has its own, and editor settings come after the user's and the project's
 * config.toml, so a default sent from here would undo what those say. What concerns this extension alone
 * (`mazu.server.*`, `mazu.trace.*`) is left out too.
 */
export function explicitSettings(keys: readonly string[]): Tree {
  const configuration = workspace.getConfiguration('mazu');
  const own: Tree = {};
  const brought: Tree = {};
  for (const key of keys) {
    const found = configuration.inspect(key);
    const former = formerKey(key) === key ? undefined : configuration.inspect(formerKey(key));
    const ofUser = found?.globalValue ?? former?.globalValue;
    const ofWorkspace =
      found?.workspaceFolderValue ?? found?.workspaceValue ?? former?.workspaceFolderValue ?? former?.workspaceValue;
    if (ofUser !== undefined) put(own, serverName(key), ofUser);
    if (ofWorkspace !== undefined) put(brought, serverName(key), ofWorkspace);
  }
  return Object.keys(brought).length > 0 ? { ...own, [WORKSPACE_VALUES]: brought } : own;
}

/** The keys below `mazu.` that a manifest contributes and the server understands. */
export function serverKeys(manifest: Tree): string[] {
  const contributes = manifest['contributes'] as { configuration: { properties: Tree }[] };
  return contributes.configuration
    .flatMap((section) => Object.keys(section.properties))
    .map((key) => key.replace(/^mazu\./, ''))
    .filter((key) => !/^(server|trace)\./.test(key));
}

/** What stands at `section` ("mazu", "mazu.limits", ...), or null. */
export function below(tree: Tree, section: string): unknown {
  let value: unknown = tree;
  for (const name of section.split('.').slice(1)) value = (value as Tree | undefined)?.[name];
  return value ?? null;
}

function put(tree: Tree, names: string[], value: unknown): void {
  const last = names.pop();
  let at = tree;
  for (const name of names) at = (at[name] ??= {}) as Tree;
  if (last) at[last] = value;
}
