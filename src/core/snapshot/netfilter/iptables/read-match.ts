// One module of a rule as steps. In: the module with its options. Out: what it asks, or one opaque step where something of
// it is not understood, because a rule without one of its matches would match more than it does.
import type { FilterStep } from '../../filter-steps.ts';
import { chanceMatches } from './match-chance.ts';
import { connectionMatches } from './match-connection.ts';
import { packetMatches } from './match-packet.ts';
import { placeMatches } from './match-place.ts';
import type { MatchContext, MatchReader } from './match-steps.ts';
import { transportMatches } from './match-transport.ts';
import type { RuleClause } from './rule-parts.ts';

const readers: ReadonlyMap<string, MatchReader> = new Map([
  ...transportMatches,
  ...connectionMatches,
  ...packetMatches,
  ...placeMatches,
  ...chanceMatches,
]);

/** Modules whose outcome no reader can give, and what it depends on. */
const reasons: ReadonlyMap<string, string> = new Map([
  ['ah', 'depends on an IPsec header'],
  ['bpf', 'depends on a BPF program'],
  ['cgroup', 'depends on the socket or process that sends'],
  ['cluster', 'depends on a hash of the connection'],
  ['connbytes', 'depends on how much the connection carried'],
  ['connlabel', 'depends on labels of the connection'],
  ['cpu', 'depends on the processor that handles the packet'],
  ['devgroup', 'depends on groups of devices'],
  ['dst', 'depends on IPv6 extension headers'],
  ['ecn', 'depends on congestion notification'],
  ['esp', 'depends on an IPsec header'],
  ['eui64', 'depends on the frame’s addresses'],
  ['frag', 'depends on IPv6 extension headers'],
  ['hbh', 'depends on IPv6 extension headers'],
  ['helper', 'depends on a connection tracking helper'],
  ['ipcomp', 'depends on an IPsec header'],
  ['ipv6header', 'depends on IPv6 extension headers'],
  ['ipvs', 'depends on IPVS'],
  ['mac', 'depends on the frame’s addresses'],
  ['mh', 'depends on IPv6 extension headers'],
  ['osf', 'depends on the sender’s operating system'],
  ['policy', 'depends on IPsec policies'],
  ['quota', 'depends on how much has passed'],
  ['rateest', 'depends on how much has passed'],
  ['realm', 'depends on realms of routes'],
  ['rt', 'depends on IPv6 extension headers'],
  ['socket', 'depends on the sockets of this host'],
  ['srh', 'depends on IPv6 extension headers'],
  ['string', 'depends on what the packet carries'],
  ['tcpmss', 'depends on TCP options'],
  ['time', 'depends on the time'],
  ['u32', 'depends on bytes of the packet'],
]);

export function readMatch(clause: RuleClause, context: MatchContext): readonly FilterStep[] {
  const { name, text } = clause;
  const reader = readers.get(name);
  // U+FFFD stands for bytes that are no UTF-8: two different names would read the same.
  const isWhole = !clause.isOdd && !text.includes('\uFFFD');
  const read = reader === undefined || !isWhole ? undefined : reader(clause, context);
  if (typeof read === 'object') return read;
  const unknown = reader === undefined ? `the match “${name}” is not known` : 'not understood';
  return [{ kind: 'opaque-match', text, why: read ?? reasons.get(name) ?? unknown }];
}
