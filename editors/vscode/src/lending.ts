import {
  commands,
  type Diagnostic,
  type DocumentSymbol,
  languages,
  Location,
  type LocationLink,
  Position,
  type SymbolInformation,
  SymbolKind,
  type TextDocument,
  Uri,
  workspace,
} from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';

interface At {
  uri: string;
  position: { line: number; character: number };
}

interface Symbol {
  name: string;
  kind: SymbolKind;
  containerName: string;
  location: Location;
}

/**
 * Lends the editor's other language servers to the agent (`mazu/editor/*`).
 *
 * diagnostics `{uri?}` -> `{documents: [{uri, version, diagnostics}]}`; definition and references `{uri, position}` ->
 * `{locations}`; symbols `{uri}` of a document or `{query}` of the workspace -> `{symbols: [{name, kind, containerName,
 * uri, range}]}`, where `kind` is a name such as "Function". encoding `{uri}` -> `{encoding}`: how a document is saved.
 */
export function lendLanguageServers(client: LanguageClient): void {
  const convert = client.code2ProtocolConverter;
  const lendPlaces = (method: string, provider: string) =>
    client.onRequest(`mazu/editor/${method}`, async ({ uri, position }: At) => {
      const at = new Position(position.line, position.character);
      const found = await commands.executeCommand<(Location | LocationLink)[]>(provider, Uri.parse(uri), at);
      return { locations: (found ?? []).map((place) => convert.asLocation(location(place))) };
    });
  lendPlaces('definition', 'vscode.executeDefinitionProvider');
  lendPlaces('references', 'vscode.executeReferenceProvider');
  client.onRequest('mazu/editor/diagnostics', ({ uri }: { uri?: string }) => ({
    documents: diagnostics(uri).map(([document, found]) => ({
      uri: convert.asUri(document),
      version: versionOf(document),
      diagnostics: convert.asDiagnostics(found),
    })),
  }));
  client.onRequest('mazu/editor/encoding', ({ uri }: { uri: string }) => ({
    encoding: openDocument(Uri.parse(uri))?.encoding ?? null,
  }));
  client.onRequest('mazu/editor/symbols', async ({ uri, query }: { uri?: string; query?: string }) => {
    const found = uri ? await documentSymbols(Uri.parse(uri)) : await workspaceSymbols(query ?? '');
    return {
      symbols: found.map(({ location, kind, ...symbol }) => ({
        ...symbol,
        ...convert.asLocation(location),
        kind: SymbolKind[kind],
      })),
    };
  });
}

/** Those of other sources: the server knows its own. */
function diagnostics(uri: string | undefined): [Uri, Diagnostic[]][] {
  const all: [Uri, Diagnostic[]][] = uri
    ? [[Uri.parse(uri), languages.getDiagnostics(Uri.parse(uri))]]
    : languages.getDiagnostics().filter(([, found]) => found.length > 0);
  return all.map(([document, found]) => [document, found.filter(({ source }) => source !== 'mazu')]);
}

function versionOf(uri: Uri): number | null {
  return openDocument(uri)?.version ?? null;
}

function openDocument(uri: Uri): TextDocument | undefined {
  return workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
}

function location(place: Location | LocationLink): Location {
  return 'targetUri' in place ? new Location(place.targetUri, place.targetSelectionRange ?? place.targetRange) : place;
}

async function documentSymbols(uri: Uri): Promise<Symbol[]> {
  const provider = 'vscode.executeDocumentSymbolProvider';
  const found = await commands.executeCommand<(DocumentSymbol | SymbolInformation)[]>(provider, uri);
  return (found ?? []).flatMap((symbol) => ('children' in symbol ? flatten(symbol, uri, '') : [information(symbol)]));
}

async function workspaceSymbols(query: string): Promise<Symbol[]> {
  const found = await commands.executeCommand<SymbolInformation[]>('vscode.executeWorkspaceSymbolProvider', query);
  return (found ?? []).map(information);
}

function flatten({ name, kind, selectionRange, children }: DocumentSymbol, uri: Uri, containerName: string): Symbol[] {
  const own = { name, kind, containerName, location: new Location(uri, selectionRange) };
  return [own, ...children.flatMap((child) => flatten(child, uri, name))];
}

const information = ({ name, kind, containerName, location }: SymbolInformation): Symbol => ({
  name,
  kind,
  containerName,
  location,
});
