// `wg show all dump` (wg.txt): private and pre-shared keys stand in columns without a name.
// In: the file's text. Out: the same with those columns replaced. Public keys stay: they join a peer with its node.
import type { Pseudonyms } from './pseudonyms.ts';

/** wireguard-tools, src/man/wg.8: an interface's line has five columns, a peer's nine. */
const interfaceColumns = 5;
const peerColumns = 9;

export function redactWireguardDump(text: string, pseudonyms: Pseudonyms): string {
  return text
    .split('\n')
    .map((line) => redactLine(line, pseudonyms))
    .join('\n');
}

function redactLine(line: string, pseudonyms: Pseudonyms): string {
  const columns = line.split('\t');
  const secretColumn = columns.length === interfaceColumns ? 1 : columns.length === peerColumns ? 2 : -1;
  const key = columns[secretColumn];
  if (key === undefined || key === '(none)' || key === '') return line;
  columns[secretColumn] = pseudonyms.secret(key);
  return columns.join('\t');
}
