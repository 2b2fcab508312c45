// The packet filter's rules, policies and connections in the words of the commands that show them: for people, for keys
// and for commands alike. In: places and facts. Out: one line each.
import type { ConnectionFact, ConnectionTuple, FilterRule } from './filter-facts.ts';
import type { FilterPlace, FilterRulePlace } from './filter-place.ts';
import type { Address } from '../net/address.ts';

/** As its dump prints it: after `-A CHAIN` for iptables, the whole rule for nftables. */
export function textOfRule({ source }: FilterRule): string {
  return source.syntax === 'nft-json' ? JSON.stringify(source.statements) : source.text;
}

/** `-t nat -A POSTROUTING -j MASQUERADE`, or `ip nat postrouting: masquerade`. */
export function formatFilterRule(rule: FilterRulePlace): string {
  return isNative(rule)
    ? `${rule.family} ${rule.table} ${rule.chain}: ${rule.text}`
    : `-t ${rule.table} -A ${rule.chain} ${rule.text}`;
}

/** `-t filter -P FORWARD DROP`, or `ip filter forward: policy drop`. */
export function formatFilterPolicy(chain: FilterPlace, policy: 'accept' | 'drop'): string {
  return isNative(chain)
    ? `${chain.family} ${chain.table} ${chain.chain}: policy ${policy}`
    : `-t ${chain.table} -P ${chain.chain} ${policy.toUpperCase()}`;
}

/** Written by nft itself; iptables' tables are spoken of in iptables' words, whichever back end holds them. */
export function isNative(place: Pick<FilterPlace, 'origin'>): boolean {
  return place.origin === 'nftables';
}

/** `udp 10.42.0.7:4711 > 10.43.0.10:53, answered by 10.42.1.9:53`. */
export function formatConnection(
  connection: Pick<ConnectionFact, 'protocol' | 'original' | 'reply'>,
): string {
  const { original, reply } = connection;
  const isTranslated = original.destination !== reply.source || original.destinationPort !== reply.sourcePort;
  const answer = isTranslated ? `, answered by ${endOf(reply.source, reply.sourcePort)}` : '';
  return `${formatTuple(connection.protocol, original)}${answer}`;
}

export function formatTuple(protocol: number, tuple: ConnectionTuple): string {
  const from = endOf(tuple.source, tuple.sourcePort);
  return `${nameProtocol(protocol)} ${from} > ${endOf(tuple.destination, tuple.destinationPort)}`;
}

function endOf(address: Address, port: number): string {
  if (port === 0) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

const protocolNames: ReadonlyMap<number, string> = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [58, 'icmpv6'],
  [132, 'sctp'],
]);

/** By name where conntrack(8) takes one, else the number. */
export function nameProtocol(protocol: number): string {
  return protocolNames.get(protocol) ?? String(protocol);
}
