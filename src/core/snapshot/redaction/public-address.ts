// Which addresses say where somebody is: those that are routed on the Internet. All others stay as they are.
// In: a canonical address. Out: whether it must be replaced.
import { familyOf, formatAddress, wordsOf } from '../../net/address.ts';
import type { Address } from '../../net/address.ts';
import { parsePrefix, prefixContains } from '../../net/prefix.ts';
import type { Prefix } from '../../net/prefix.ts';

/** RFC 6890's special-purpose blocks: private, CGNAT, loopback, link-local, documentation, benchmarks, multicast, reserved. */
const specialBlocks = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
].flatMap(toPrefixes);

const globalUnicast = toPrefixes('2000::/3');
const documentation = ['2001:db8::/32', '3fff::/20'].flatMap(toPrefixes);
/** Addresses that carry an IPv4 address in their last 32 bits: IPv4-mapped, and NAT64 (RFC 6052). */
const carriers = ['::ffff:0:0/96', '64:ff9b::/96'].flatMap(toPrefixes);

export function isPublicAddress(address: Address): boolean {
  if (familyOf(address) === 4) return !isWithin(specialBlocks, address);
  return isWithin(globalUnicast, address) && !isWithin(documentation, address);
}

/** The IPv4 address inside an IPv6 address that carries one. */
export function carriedIpv4(address: Address): Address | undefined {
  if (familyOf(address) !== 6 || !isWithin(carriers, address)) return undefined;
  return formatAddress(4, [0, 0, 0, wordsOf(address)[3]]);
}

function isWithin(blocks: readonly Prefix[], address: Address): boolean {
  return blocks.some((block) => prefixContains(block, address));
}

function toPrefixes(text: string): Prefix[] {
  const prefix = parsePrefix(text);
  return prefix === undefined ? [] : [prefix];
}
