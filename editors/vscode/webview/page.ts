/** How a small page talks to the extension. */
declare function acquireVsCodeApi(): { postMessage(message: unknown): void };

export function connect<To, From>(receive: (message: To) => void): (message: From) => void {
  const api = acquireVsCodeApi();
  window.addEventListener('message', ({ data }: MessageEvent<To>) => receive(data));
  return (message) => api.postMessage(message);
}
