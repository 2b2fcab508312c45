// Answers of a chosen size, for what only large packets show. In goes a path like `/bytes/20000`, out comes a body of as
// many bytes; any other path is answered with a line of JSON that says who answers whom.
import type { IncomingMessage, ServerResponse } from 'node:http';

const largestAnswer = 1_000_000;

export const bytesPath = (size: number): string => `/bytes/${String(size)}`;

export function answerWithBytes(request: IncomingMessage, response: ServerResponse, server: string): void {
  const path = request.url ?? '/';
  const size = /^\/bytes\/(\d{1,7})$/.exec(path)?.[1];
  if (size === undefined) {
    response.setHeader('content-type', 'application/json');
    response.end(`${JSON.stringify({ server, path, client: request.socket.remoteAddress })}\n`);
    return;
  }
  response.end(Buffer.alloc(Math.min(Number(size), largestAnswer), 0x2e));
}

/** Whom such an answer was given to. */
export function readClient(body: Buffer): string | undefined {
  return /"client":"([^"]+)"/.exec(body.toString('latin1', 0, 1_000))?.[1];
}
