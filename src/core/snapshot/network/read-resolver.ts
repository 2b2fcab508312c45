// resolv.conf as the resolver reads it (resolv.conf(5)): the last `search` or `domain` wins, options add up, unknown
// lines are ignored. A file without nameserver lines names none here; that the resolver then asks localhost is not this
// reader's business.
import { parseAddress } from '../../net/address.ts';
import type { Address } from '../../net/address.ts';
import type { BundleFile } from '../bundle-file.ts';
import type { ResolverFact } from '../namespace-facts.ts';
import { mapReading } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';
import { readHandWrittenLines, wordsOf } from '../syntax/text-lines.ts';

export function readResolver(file: BundleFile): Reading<ResolverFact> {
  return mapReading(readHandWrittenLines(file), (lines) => {
    const nameservers: Address[] = [];
    let search: readonly string[] = [];
    const options: string[] = [];
    for (const line of lines) {
      const [keyword, ...values] = wordsOf(line.text);
      if (keyword === 'nameserver') {
        const address = parseAddress(values[0] ?? '');
        if (address !== undefined) nameservers.push(address);
      } else if (keyword === 'search') search = values;
      else if (keyword === 'domain') search = values.slice(0, 1);
      else if (keyword === 'options') options.push(...values);
    }
    return { nameservers, search, options };
  });
}
