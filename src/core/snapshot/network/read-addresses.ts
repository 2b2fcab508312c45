// `ip -j -d addr`, its text, and busybox's text, as addresses in printed order, which is the order in which the kernel
// picks a source address. Addresses of families other than IPv4 and IPv6 are left out.
import type { Evidence } from '../../fact/evidence.ts';
import { parseAddress } from '../../net/address.ts';
import type { BundleFile } from '../bundle-file.ts';
import type { AddressFact } from '../namespace-facts.ts';
import { numberOf, objectsOf, textOf, withoutUndefined, wordOf } from '../syntax/parse-json.ts';
import type { JsonObject } from '../syntax/parse-json.ts';
import type { Reading } from '../syntax/reading.ts';
import { readJsonRows, readTextRows } from '../syntax/read-rows.ts';
import { pairWords, wordsOf } from '../syntax/text-lines.ts';
import { parseLinkHeader } from './link-text.ts';
import { canonicalScope } from './routing-names.ts';

interface AddressDraft {
  readonly link: string;
  readonly local: string;
  readonly prefixLength: number;
  readonly scope?: string;
  readonly peer?: string;
  readonly broadcast?: string;
  readonly flags: readonly string[];
}

export function readAddressesJson(file: BundleFile): Reading<readonly AddressFact[]> {
  return readJsonRows(file, (row, evidence) => {
    const link = textOf(row.ifname);
    if (link === undefined || !Array.isArray(row.addr_info ?? [])) return undefined;
    const addresses = objectsOf(row.addr_info).flatMap((entry, index) => {
      const family = textOf(entry.family);
      if (family !== 'inet' && family !== 'inet6') return family === undefined ? [undefined] : [];
      return [
        buildAddress(draftOfJson(link, entry), {
          ...evidence,
          at: `${evidence.at ?? ''}/addr_info/${index}`,
        }),
      ];
    });
    return addresses.some((address) => address === undefined)
      ? undefined
      : addresses.filter((address) => address !== undefined);
  });
}

export function readAddressesText(file: BundleFile): Reading<readonly AddressFact[]> {
  return readTextRows(file, (record, evidence) => {
    const header = parseLinkHeader(record.head.text);
    if (header === undefined) return undefined;
    const addresses: AddressFact[] = [];
    for (const line of record.body) {
      const words = wordsOf(line.text);
      if (words[0] !== 'inet' && words[0] !== 'inet6') continue;
      const address = buildAddress(draftOfText(header.name, words), { ...evidence, at: `L${line.number}` });
      if (address === undefined) return undefined;
      addresses.push(address);
    }
    return addresses;
  });
}

/** iproute2 calls the bit 0x01 `secondary` for IPv4 and `temporary` for IPv6. */
const flagNames = [
  'secondary',
  'temporary',
  'nodad',
  'optimistic',
  'dadfailed',
  'home',
  'deprecated',
  'tentative',
  'mngtmpaddr',
  'noprefixroute',
  'autojoin',
  'stable-privacy',
  'dynamic',
] as const;

/** The kernel's IFA_F_ bits (include/uapi/linux/if_addr.h), which busybox prints as `flags 02`. */
const flagBits: readonly (readonly [number, string])[] = [
  [0x02, 'nodad'],
  [0x04, 'optimistic'],
  [0x08, 'dadfailed'],
  [0x10, 'home'],
  [0x20, 'deprecated'],
  [0x40, 'tentative'],
  [0x100, 'mngtmpaddr'],
  [0x200, 'noprefixroute'],
  [0x400, 'autojoin'],
  [0x800, 'stable-privacy'],
];

function draftOfJson(link: string, entry: JsonObject): AddressDraft | undefined {
  const local = textOf(entry.local);
  const prefixLength = numberOf(entry.prefixlen);
  if (local === undefined || prefixLength === undefined) return undefined;
  return {
    link,
    local,
    prefixLength,
    scope: wordOf(entry.scope),
    peer: textOf(entry.address),
    broadcast: textOf(entry.broadcast),
    flags: flagNames.filter((name) => entry[name] === true),
  };
}

const keys: ReadonlySet<string> = new Set([
  'peer',
  'brd',
  'broadcast',
  'any',
  'scope',
  'metric',
  'proto',
  'flags',
]);

/** `inet 10.9.9.1 peer 10.9.9.2/32 brd … scope global secondary eth1`: the length belongs to the peer where there is one. */
function draftOfText(link: string, line: readonly string[]): AddressDraft | undefined {
  const [family, address = '', ...words] = line;
  const { values, bare } = pairWords(words, keys);
  const [local = '', ownLength] = address.split('/');
  const [peer, peerLength] = values.get('peer')?.split('/') ?? [];
  const length = peerLength ?? ownLength ?? (family === 'inet6' ? '128' : '32');
  if (!/^\d{1,3}$/.test(length)) return undefined;
  const bits = Number.parseInt(values.get('flags') ?? '0', 16);
  const bitNames = flagBits.filter(([bit]) => (bits & bit) !== 0).map(([, name]) => name);
  // The last word of an IPv4 line is the label, which may look like anything.
  const named = family === 'inet' ? bare.slice(0, -1) : bare;
  return {
    link,
    local,
    prefixLength: Number(length),
    scope: values.get('scope'),
    peer,
    broadcast: values.get('brd') ?? values.get('broadcast'),
    flags: flagNames.filter((name) => named.includes(name) || bitNames.includes(name)),
  };
}

function buildAddress(draft: AddressDraft | undefined, evidence: Evidence): AddressFact | undefined {
  const address = parseAddress(draft?.local ?? '');
  if (draft === undefined || address === undefined || draft.scope === undefined) return undefined;
  return withoutUndefined<AddressFact>({
    evidence,
    link: draft.link,
    address,
    prefixLength: draft.prefixLength,
    scope: canonicalScope(draft.scope),
    isSecondary: draft.flags.includes('secondary'),
    peer: parseAddress(draft.peer ?? ''),
    broadcast: parseAddress(draft.broadcast ?? ''),
    flags: draft.flags,
  });
}
