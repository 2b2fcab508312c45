// A log as its newest lines, each with its number in the file. Only what is kept is decoded, so a log of gigabytes
// costs a scan for line ends. Damaged bytes stay in the line: a log is read for what can be read in it.
import type { BundleFile } from '../bundle-file.ts';
import type { LogLine } from '../machine-facts.ts';
import { understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';

const keptLines = 5000;
const lineEnd = 0x0a;

export function readLog(file: BundleFile): Reading<readonly LogLine[]> {
  const { bytes } = file;
  const end = bytes.at(-1) === lineEnd ? bytes.length - 1 : bytes.length;
  if (bytes.length === 0) return understood([]);
  const start = startOfNewest(bytes, end);
  const firstNumber = 1 + countLineEnds(bytes, start);
  const texts = file.text(start, end).split('\n');
  return understood(
    texts.map((text, index) => ({
      evidence: { path: file.path, at: `L${firstNumber + index}` },
      text: text.endsWith('\r') ? text.slice(0, -1) : text,
    })),
  );
}

function startOfNewest(bytes: Uint8Array, end: number): number {
  let lines = 0;
  for (let at = end - 1; at >= 0; at--) {
    if (bytes[at] === lineEnd && ++lines === keptLines) return at + 1;
  }
  return 0;
}

function countLineEnds(bytes: Uint8Array, end: number): number {
  let count = 0;
  for (let at = 0; at < end; at++) if (bytes[at] === lineEnd) count++;
  return count;
}
