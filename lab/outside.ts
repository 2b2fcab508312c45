// The world outside of the lab's LAN, as far as the lab has one: a web server at an address behind the LAN's router. It runs
// in the supervisor itself, whose network namespace the LAN is, and answers with as many bytes as the path asks for. It
// knows no way to a pod's address, as nobody on the internet does.
import { createServer } from 'node:http';
import { answerWithBytes } from './agent-bytes.ts';
import { outsideAddress } from './plan.ts';

export function serveOutside(): Promise<void> {
  const server = createServer((request, response) => answerWithBytes(request, response, 'internet'));
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(80, outsideAddress, () => resolve());
  });
}
