// Stops with one sentence where Node is older than package.json asks for. Imported first by every script that a
// person starts, and written so that an old Node can still parse it.
import { readFileSync } from 'node:fs';

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const needed = /(\d+)\.(\d+)/.exec(engines.node);
const found = /^v(\d+)\.(\d+)/.exec(process.version);
const isOld =
  Number(found[1]) < Number(needed[1]) ||
  (Number(found[1]) === Number(needed[1]) && Number(found[2]) < Number(needed[2]));
if (isOld) {
  console.error(
    `waylaid: Node ${needed[0]} or newer is needed and this is ${process.version}: install a newer one (https://nodejs.org).`,
  );
  process.exit(2);
}
