// /etc/hosts as addresses by name, lower case. A name may have several; lines that start with no address are ignored,
// as the resolver does.
import { parseAddress } from '../../net/address.ts';
import type { Address } from '../../net/address.ts';
import type { BundleFile } from '../bundle-file.ts';
import { mapReading } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';
import { readHandWrittenLines, wordsOf } from '../syntax/text-lines.ts';

export function readHosts(file: BundleFile): Reading<ReadonlyMap<string, readonly Address[]>> {
  return mapReading(readHandWrittenLines(file), (lines) => {
    const hosts = new Map<string, Address[]>();
    for (const line of lines) {
      const [first = '', ...names] = wordsOf(line.text.replace(/#.*$/, ''));
      const address = parseAddress(first);
      if (address === undefined) continue;
      for (const name of names) {
        const known = hosts.get(name.toLowerCase());
        if (known === undefined) hosts.set(name.toLowerCase(), [address]);
        else if (!known.includes(address)) known.push(address);
      }
    }
    return hosts;
  });
}
