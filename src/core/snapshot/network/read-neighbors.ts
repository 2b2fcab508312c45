// `ip -j neigh`, its text, and busybox's text, as neighbour entries.
import type { Evidence } from '../../fact/evidence.ts';
import { parseAddress } from '../../net/address.ts';
import type { BundleFile } from '../bundle-file.ts';
import type { NeighborFact } from '../namespace-facts.ts';
import { textOf, textsOf, withoutUndefined } from '../syntax/parse-json.ts';
import type { Reading } from '../syntax/reading.ts';
import { readJsonRows, readTextRows } from '../syntax/read-rows.ts';
import { pairWords, wordsOf } from '../syntax/text-lines.ts';

const stateNames: ReadonlySet<string> = new Set([
  'INCOMPLETE',
  'REACHABLE',
  'STALE',
  'DELAY',
  'PROBE',
  'FAILED',
  'NOARP',
  'PERMANENT',
]);

export function readNeighborsJson(file: BundleFile): Reading<readonly NeighborFact[]> {
  return readJsonRows(file, (row, evidence) =>
    buildNeighbor(evidence, {
      address: textOf(row.dst),
      link: textOf(row.dev),
      mac: textOf(row.lladdr),
      states: textsOf(row.state),
      // `"proxy": null` where it is one (iproute2 6.1): presence counts.
      isProxy: 'proxy' in row,
    }),
  );
}

const keys: ReadonlySet<string> = new Set(['dev', 'lladdr', 'ref', 'used', 'probes', 'proto']);

export function readNeighborsText(file: BundleFile): Reading<readonly NeighborFact[]> {
  return readTextRows(file, (record, evidence) => {
    const [address, ...words] = wordsOf(record.head.text);
    const { values, bare } = pairWords(words, keys);
    return buildNeighbor(evidence, {
      address,
      link: values.get('dev'),
      mac: values.get('lladdr'),
      states: bare.filter((word) => stateNames.has(word)),
      isProxy: bare.includes('proxy'),
    });
  });
}

interface NeighborDraft {
  readonly address: string | undefined;
  readonly link: string | undefined;
  readonly mac: string | undefined;
  readonly states: readonly string[];
  readonly isProxy: boolean;
}

function buildNeighbor(evidence: Evidence, draft: NeighborDraft): readonly NeighborFact[] | undefined {
  const address = parseAddress(draft.address ?? '');
  if (address === undefined || draft.link === undefined) return undefined;
  const neighbor = withoutUndefined<NeighborFact>({
    evidence,
    link: draft.link,
    address,
    mac: draft.mac?.toLowerCase(),
    states: draft.states,
    isProxy: draft.isProxy,
  });
  return [neighbor];
}
