// The IPv6 source address that Linux gives a sender: RFC 6724 as ipv6_dev_get_saddr has it (6.12 net/ipv6/addrconf.c).
// In: a namespace, the device the packet leaves by, the destination. Out: the address, or undefined where there is none
// or where a setting that decides was not collected. A link-local or multicast destination takes addresses of that
// device only. The address labels are the built-in ones (`ip addrlabel` is not collected).
import type { Address } from '../net/address.ts';
import { familyOf, wordsOf } from '../net/address.ts';
import { parsePrefix, prefixContains } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { readDeviceSetting } from '../model/device-settings.ts';
import type { Namespace } from '../model/network.ts';
import type { AddressFact } from '../snapshot/namespace-facts.ts';

export function selectSource6(
  namespace: Namespace,
  link: string | undefined,
  to: Address,
): Address | undefined {
  if (!namespace.facts.addresses.known) return undefined;
  const scope = scopeOf6(to);
  const isMulticast = wordsOf(to)[0] >>> 24 === 0xff;
  if (link !== undefined && (isMulticast || scope <= linkLocalScope)) {
    return pickBest(namespace, candidatesOn(namespace, link), { link, to, scope });
  }
  const everywhere = pickBest(namespace, allCandidates(namespace), { link, to, scope });
  if (link === undefined) return everywhere;
  const onlyOwn = readDeviceSetting(namespace.facts, 6, link, 'use_oif_addrs_only');
  if (onlyOwn.known && onlyOwn.value === 0) return everywhere;
  const own = pickBest(namespace, candidatesOn(namespace, link), { link, to, scope });
  return onlyOwn.known || own === everywhere ? own : undefined;
}

interface Wish {
  readonly link: string | undefined;
  readonly to: Address;
  readonly scope: number;
}

function candidatesOn(namespace: Namespace, link: string): readonly AddressFact[] {
  const facts = namespace.addressesByLink.get(link) ?? [];
  return facts.filter((fact) => familyOf(fact.address) === 6 && isAssigned(fact));
}

function allCandidates(namespace: Namespace): readonly AddressFact[] {
  const links = [...namespace.linksByIndex.values()].sort((a, b) => a.index - b.index);
  return links.flatMap((link) => candidatesOn(namespace, link.name));
}

function isAssigned(fact: AddressFact): boolean {
  return !fact.flags.includes('tentative') || fact.flags.includes('optimistic');
}

/** The first candidate that no other beats; rules are compared in order and the first that differs decides. */
function pickBest(namespace: Namespace, candidates: readonly AddressFact[], wish: Wish): Address | undefined {
  let best: { readonly address: Address; readonly score: readonly number[] } | undefined;
  for (const fact of candidates) {
    const score = scoreSource(namespace, fact, wish);
    if (score === undefined) return undefined;
    if (best === undefined || isBetter(score, best.score)) best = { address: fact.address, score };
  }
  return best?.address;
}

function isBetter(score: readonly number[], than: readonly number[]): boolean {
  const differing = score.findIndex((value, rule) => value !== than[rule]);
  return differing >= 0 && (score[differing] ?? 0) > (than[differing] ?? 0);
}

/** One number for each of the kernel's rules, in its order; undefined where a setting that decides is missing. */
function scoreSource(namespace: Namespace, fact: AddressFact, wish: Wish): readonly number[] | undefined {
  const scope = scopeOf6(fact.address);
  const isAvoided = fact.flags.includes('deprecated') || fact.flags.includes('optimistic');
  const isTemporary = fact.flags.includes('temporary');
  const privacy = scorePrivacy(namespace, fact.link, isTemporary);
  if (privacy === undefined) return undefined;
  return [
    fact.address === wish.to ? 1 : 0,
    scope >= wish.scope ? -scope : scope - 128,
    isAlwaysPreferred(fact.address) || !isAvoided ? 1 : 0,
    wish.link === undefined || wish.link === fact.link ? 1 : 0,
    labelOf(fact.address) === labelOf(wish.to) ? 1 : 0,
    privacy,
    isOrchid(fact.address) === isOrchid(wish.to) ? 1 : 0,
    Math.min(commonBits(fact.address, wish.to), fact.prefixLength),
    fact.flags.includes('optimistic') ? 0 : 1,
  ];
}

/** Public before temporary, unless the device prefers temporary ones (use_tempaddr 2). */
function scorePrivacy(namespace: Namespace, link: string, isTemporary: boolean): number | undefined {
  const setting = readDeviceSetting(namespace.facts, 6, link, 'use_tempaddr');
  if (!setting.known) return hasTemporary(namespace) ? undefined : 1;
  const prefersTemporary = setting.value >= 2;
  return isTemporary === prefersTemporary ? 1 : 0;
}

function hasTemporary(namespace: Namespace): boolean {
  const { addresses } = namespace.facts;
  return addresses.known && addresses.value.some((fact) => fact.flags.includes('temporary'));
}

const linkLocalScope = 2;
const siteLocalScope = 5;
const globalScope = 14;

function scopeOf6(address: Address): number {
  const [first] = wordsOf(address);
  if (first >>> 24 === 0xff) return (first >>> 16) & 15;
  if (address === '::1' || first >>> 22 === 0xfe80 >>> 6) return linkLocalScope;
  return first >>> 22 === 0xfec0 >>> 6 ? siteLocalScope : globalScope;
}

/** Loopback, mapped and IPv4-compatible addresses count as preferred even when deprecated (ipv6_saddr_preferred). */
function isAlwaysPreferred(address: Address): boolean {
  const [w0, w1, w2] = wordsOf(address);
  return w0 === 0 && w1 === 0 && (w2 === 0 || w2 === 0xffff);
}

function isOrchid(address: Address): boolean {
  const [first] = wordsOf(address);
  return first >>> 4 === 0x2001001;
}

/** The built-in label table of Linux 6.12 net/ipv6/addrlabel.c, longest first. */
const labels: readonly (readonly [Prefix, number])[] = (
  [
    ['::1/128', 0],
    ['::ffff:0:0/96', 4],
    ['::/96', 3],
    ['2001::/32', 6],
    ['2001:10::/28', 7],
    ['2002::/16', 2],
    ['3ffe::/16', 12],
    ['fec0::/10', 11],
    ['fc00::/7', 5],
  ] as const
).flatMap(([text, label]) => {
  const prefix = parsePrefix(text);
  return prefix === undefined ? [] : [[prefix, label] as const];
});

function labelOf(address: Address): number {
  return labels.find(([prefix]) => prefixContains(prefix, address))?.[1] ?? 1;
}

function commonBits(a: Address, b: Address): number {
  const left = wordsOf(a);
  const right = wordsOf(b);
  for (let word = 0; word < 4; word++) {
    const difference = ((left[word] ?? 0) ^ (right[word] ?? 0)) >>> 0;
    if (difference !== 0) return word * 32 + Math.clz32(difference);
  }
  return 128;
}
