// Which translations a rule can choose. In: the range that it states. Out: one choice for each address, since each is
// possible, or undefined where there are too many to follow.
import { familyOf, formatAddress, wordsOf } from '../../net/address.ts';
import type { Address, Words } from '../../net/address.ts';
import type { FilterSetElement } from '../../snapshot/filter-facts.ts';
import type { NatRange } from '../../snapshot/filter-steps.ts';
import type { NatChoice } from './chain-outcome.ts';

type NatType = NatChoice['type'];

const mostAddresses = 64;

export function listNatChoices(
  type: NatType,
  { addresses, ports }: NatRange,
): readonly NatChoice[] | undefined {
  const port = choosePort(ports);
  if (addresses === undefined) return [{ type, ...port }];
  const all = listAddresses(addresses.from, addresses.to);
  return all?.map((address) => ({ type, address, ...port }));
}

/** What stands in a map: an address, then a port where there is one. */
export function readMappedRange(element: FilterSetElement): NatRange {
  const data = element.data ?? [];
  const address = data.find((value) => value.kind === 'address');
  const port = data.find((value) => value.kind === 'number');
  return {
    ...(address === undefined ? {} : { addresses: address }),
    ...(port === undefined ? {} : { ports: port }),
  };
}

/** NETMAP: the network's bits are replaced, the host's stay (6.12 xt_NETMAP.c). */
export function mapNetwork(address: Address, { addresses }: NatRange): Address | undefined {
  if (addresses === undefined || familyOf(address) !== familyOf(addresses.from)) return undefined;
  const old = wordsOf(address);
  const from = wordsOf(addresses.from);
  const to = wordsOf(addresses.to);
  const word = (at: 0 | 1 | 2 | 3): number => {
    const network = ~(from[at] ^ to[at]);
    return ((old[at] & ~network) | (from[at] & network)) >>> 0;
  };
  return formatAddress(familyOf(address), [word(0), word(1), word(2), word(3)]);
}

function choosePort(ports: NatRange['ports']): Pick<NatChoice, 'port' | 'ports'> {
  if (ports === undefined) return {};
  return ports.from === ports.to ? { port: ports.from } : { ports: { from: ports.from, to: ports.to } };
}

function listAddresses(from: Address, to: Address): readonly Address[] | undefined {
  const family = familyOf(from);
  const first = wordsOf(from);
  const last = wordsOf(to);
  const isNear = first[0] === last[0] && first[1] === last[1] && first[2] === last[2];
  const count = last[3] - first[3] + 1;
  if (!isNear || count > mostAddresses) return undefined;
  const at = (offset: number): Words => [first[0], first[1], first[2], first[3] + offset];
  return Array.from({ length: Math.max(1, count) }, (_value, offset) => formatAddress(family, at(offset)));
}
