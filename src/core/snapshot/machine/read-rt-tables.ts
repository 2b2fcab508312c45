// /etc/iproute2/rt_tables and what stands beside it: names of routing tables, as numbers by name.
import type { BundleFile } from '../bundle-file.ts';
import { mapReading } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';
import { readHandWrittenLines } from '../syntax/text-lines.ts';

export function readRtTables(file: BundleFile): Reading<ReadonlyMap<string, string>> {
  return mapReading(readHandWrittenLines(file), (lines) => {
    const numbers = new Map<string, string>();
    for (const line of lines) {
      const found = /^\s*(0x[0-9a-fA-F]+|\d+)\s+([^\s#]+)/.exec(line.text);
      if (found !== null) numbers.set(found[2] ?? '', String(Number(found[1])));
    }
    return numbers;
  });
}
