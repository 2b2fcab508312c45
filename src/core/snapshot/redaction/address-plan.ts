// Pseudonyms of public addresses that still route: an address in a prefix stays in that prefix, the order of ranges stays.
// In: every address and prefix of the bundle (observe), then `seal`. Out: one pseudonym each, in 198.18.0.0/15 (RFC 2544) or
// 2001:db8::/32 (RFC 3849). The plan depends on the set of addresses alone, not on the order in which they were met.
import { familyOf, formatAddress, ipv4Value, wordsOf } from '../../net/address.ts';
import type { Address } from '../../net/address.ts';
import { carriedIpv4, isPublicAddress } from './public-address.ts';
import { planIpv4 } from './ipv4-plan.ts';
import type { Ipv4Plan } from './ipv4-plan.ts';

export interface AddressPlan {
  readonly observe: (address: Address, length?: number) => void;
  readonly seal: () => void;
  /** The pseudonym and the prefix length that holds for it; before `seal`, and for what need not be hidden, the same. */
  readonly replace: (address: Address, length?: number) => ReplacedAddress;
  readonly isObserved: (address: Address) => boolean;
}

export interface ReplacedAddress {
  readonly address: Address;
  readonly length?: number;
}

/** A prefix this wide names no place (`0.0.0.0/1`, `2000::/3`): VPNs route by such halves, and they stay. */
const maxWideLength = 12;

export function createAddressPlan(): AddressPlan {
  const ipv4 = planIpv4();
  const ipv6 = planIpv6();
  const observe = (address: Address, length?: number): void => {
    const carried = carriedIpv4(address);
    if (carried !== undefined) ipv4.observe(ipv4Value(carried), 32);
    else if (familyOf(address) === 4) {
      if (length === undefined || length > maxWideLength) ipv4.observe(ipv4Value(address), length ?? 32);
    } else ipv6.observe(address);
  };
  let isSealed = false;
  const replace = (address: Address, length?: number): ReplacedAddress => {
    if (!isSealed) return withLength(address, length);
    const carried = carriedIpv4(address);
    if (carried !== undefined) return withLength(replaceCarried(address, carried, ipv4), length);
    const isWide = length !== undefined && length <= maxWideLength;
    if (isWide || !isPublicAddress(address)) return withLength(address, length);
    if (familyOf(address) === 6) {
      return withLength(
        ipv6.replace(address),
        length === undefined ? undefined : Math.max(length, siteLength),
      );
    }
    const found = ipv4.replace(ipv4Value(address), length ?? 32);
    return withLength(
      formatAddress(4, [0, 0, 0, found.value]),
      length === undefined ? undefined : found.length,
    );
  };
  const seal = (): void => {
    ipv4.seal();
    ipv6.seal();
    isSealed = true;
  };
  const isObserved = (address: Address): boolean => ipv4.isObserved(ipv4Value(address));
  return { observe, seal, replace, isObserved };
}

function withLength(address: Address, length: number | undefined): ReplacedAddress {
  return length === undefined ? { address } : { address, length };
}

function replaceCarried(address: Address, carried: Address, ipv4: Ipv4Plan): Address {
  if (!isPublicAddress(carried)) return address;
  const [first, second, third] = wordsOf(address);
  return formatAddress(6, [first, second, third, ipv4.replace(ipv4Value(carried), 32).value]);
}

/** What an Internet provider gives to one site; everything inside it keeps its place. Wider prefixes become a site. */
const siteLength = 48;
const documentationWord = 0x20010db8;
const lastSite = 0xffff;

interface Ipv6Plan {
  readonly observe: (address: Address) => void;
  readonly seal: () => void;
  readonly replace: (address: Address) => Address;
}

function planIpv6(): Ipv6Plan {
  const seen = new Set<number>();
  const taken = new Set<number>();
  const numbers = new Map<number, number>();
  let next = 1;
  const assign = (site: number): number => {
    while (taken.has(next) && next < lastSite) next++;
    const number = Math.min(next, lastSite);
    next++;
    numbers.set(site, number);
    return number;
  };
  const observe = (address: Address): void => {
    const [first, second] = wordsOf(address);
    if (isPublicAddress(address)) seen.add(siteOf(address));
    else if (first === documentationWord) taken.add(second >>> 16);
  };
  const seal = (): void => {
    for (const site of [...seen].sort((a, b) => a - b)) if (!numbers.has(site)) assign(site);
  };
  const replace = (address: Address): Address => {
    const site = siteOf(address);
    const number = numbers.get(site) ?? assign(site);
    const [, second, third, fourth] = wordsOf(address);
    return formatAddress(6, [documentationWord, number * 65536 + (second & 0xffff), third, fourth]);
  };
  return { observe, seal, replace };
}

/** The first 48 bits as a number, which a double holds exactly. */
function siteOf(address: Address): number {
  const [first, second] = wordsOf(address);
  return first * 65536 + (second >>> 16);
}
