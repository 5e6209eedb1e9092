import { workspace, type WorkspaceConfiguration } from 'vscode';

type Tree = { [key: string]: unknown };

/**
 * The settings of section `mazu` that somebody has set, as the server names them.
 *
 * Defaults are left out: the server has its own, and editor settings come after the user's and the project's
 * config.toml, so a default sent from here would undo what those say. What concerns this extension alone
 * (`mazu.server.*`, `mazu.trace.*`) is left out too.
 */
export function explicitSettings(keys: readonly string[]): Tree {
  const configuration = workspace.getConfiguration('mazu');
  const tree: Tree = {};
  for (const key of keys) {
    if (isSet(configuration, key)) put(tree, key.split('.'), configuration.get(key));
  }
  return tree;
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

function isSet(configuration: WorkspaceConfiguration, key: string): boolean {
  const found = configuration.inspect(key);
  return [found?.globalValue, found?.workspaceValue, found?.workspaceFolderValue].some((value) => value !== undefined);
}

function put(tree: Tree, names: string[], value: unknown): void {
  const last = names.pop();
  let at = tree;
  for (const name of names) at = (at[name] ??= {}) as Tree;
  if (last) at[last] = value;
}
