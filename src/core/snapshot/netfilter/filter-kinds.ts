// The files of a namespace's packet filter: which reader reads which, what an empty one means, and the command that makes
// it. `iptables-save` prints nothing at all where there is nothing, and so do `ipset save` and `conntrack -L`.
import type { Family } from '../../net/address.ts';
import type { FactKind } from '../bundle/fact-shelf.ts';
import type { ConnectionFact, FilterDump, IpsetFact } from '../filter-facts.ts';
import { readIptablesDump } from './iptables/read-iptables-dump.ts';
import { readNftJson } from './nftables/read-nft-json.ts';
import { readNftText } from './nftables/read-nft-text.ts';
import { readConnections } from './read-connections.ts';
import { readIpsets } from './read-ipsets.ts';

export type IptablesVariant = 'iptables' | 'iptables-legacy' | 'iptables-nft';

export function iptablesKind(variant: IptablesVariant, family: Family): FactKind<FilterDump> {
  const program = `${family === 4 ? variant : variant.replace('iptables', 'ip6tables')}-save`;
  return {
    what: 'packet filter',
    forms: [{ name: `${program}.txt`, read: (file) => readIptablesDump(file, family), whenEmpty: 'empty' }],
    command: [program, '-c'],
  };
}

export const nftablesKind: FactKind<FilterDump> = {
  what: 'packet filter',
  forms: [
    { name: 'nft.json', read: readNftJson, whenEmpty: 'unknown' },
    { name: 'nft.txt', read: readNftText, whenEmpty: 'empty-if-listed' },
  ],
  command: ['nft', '-j', 'list', 'ruleset'],
};

export const ipsetKind: FactKind<ReadonlyMap<string, IpsetFact>> = {
  what: 'sets',
  forms: [{ name: 'ipset.txt', read: readIpsets, whenEmpty: 'empty' }],
  command: ['ipset', 'save'],
};

/** Each line is a connection of its own, so that a listing cut short is a part of them. */
export const connectionKind: FactKind<readonly ConnectionFact[]> = {
  what: 'tracked connections',
  forms: [{ name: 'conntrack.txt', read: readConnections, whenEmpty: 'empty' }],
  command: ['conntrack', '-L', '-o', 'extended'],
  isPartUsable: true,
};
