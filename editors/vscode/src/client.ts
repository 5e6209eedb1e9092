import type { Disposable, LogOutputChannel } from 'vscode';
import {
  type ClientCapabilities,
  type Executable,
  type FeatureState,
  LanguageClient,
  type LanguageClientOptions,
  ProgressType,
  RevealOutputChannelOn,
  type StaticFeature,
} from 'vscode-languageclient/node';
import { middleware, type Source } from './middleware';
import { OPT_IN } from './protocol';

/** A client of the language server that is not started yet. */
export function makeClient(server: Executable, log: LogOutputChannel, source: Source): LanguageClient {
  const options: LanguageClientOptions = {
    documentSelector: [{ scheme: 'file' }, { scheme: 'untitled' }],
    outputChannel: log,
    traceOutputChannel: log,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    initializationFailedHandler: () => false,
    middleware: middleware(source),
    stdioOptions: {
      stdout: () => undefined,
      stderr: (input, channel) => input.on('data', (data: Buffer) => channel.info(data.toString().trimEnd())),
    },
  };
  const client = new LanguageClient('mazu', 'Mazu', server, options);
  client.registerFeature(new OptIn());
  return client;
}

/** Hears what comes of a result before it is complete, under the token that the request has. */
export const onPartialResult = <P>(client: LanguageClient, token: string, handler: (part: P) => void): Disposable =>
  client.onProgress(new ProgressType<P>(), token, handler);

/** Tells the server what this client can do beyond standard LSP. */
class OptIn implements StaticFeature {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    // What runs is in the chat and in our own status bar item; a second one would say it twice.
    capabilities.window = { ...capabilities.window, workDoneProgress: false };
    capabilities.experimental = { ...(capabilities.experimental as object | undefined), mazu: OPT_IN };
  }

  initialize(): void {}

  getState(): FeatureState {
    return { kind: 'static' };
  }

  clear(): void {}
}
