// The target of a rule as steps. In: the target with its options. Out: a verdict, a change of the packet, a note for what
// decides nothing, or an opaque step for what is not understood. A name that is no target and has no options is a chain:
// iptables lets no chain have the name of a target (1.8.9: "chain name may not clash with target name").
import type { Family } from '../../../net/address.ts';
import type { FilterStep } from '../../filter-steps.ts';
import { parseNumber } from './literals.ts';
import { soleArgument } from './match-steps.ts';
import type { RuleClause, RuleParts } from './rule-parts.ts';
import { readConnmark, readMark } from './target-mark.ts';
import { readMasquerade, readNat, readNetmap, readTproxy } from './target-nat.ts';

type Target = NonNullable<RuleParts['target']>;

type TargetReader = (clause: RuleClause, family: Family) => FilterStep | undefined;

const rejectKinds: ReadonlySet<string> = new Set([
  'icmp-net-unreachable',
  'icmp-host-unreachable',
  'icmp-proto-unreachable',
  'icmp-port-unreachable',
  'icmp-net-prohibited',
  'icmp-host-prohibited',
  'icmp-admin-prohibited',
  'icmp6-no-route',
  'icmp6-adm-prohibited',
  'icmp6-addr-unreachable',
  'icmp6-port-unreachable',
  'icmp6-policy-fail',
  'icmp6-reject-route',
  'tcp-reset',
]);

const readReject: TargetReader = ({ options }, family) => {
  const [option] = options;
  const absent = family === 4 ? 'icmp-port-unreachable' : 'icmp6-port-unreachable';
  const written = option === undefined ? absent : soleArgument(option);
  if (options.length > 1 || written === undefined || !rejectKinds.has(written)) return undefined;
  if (option !== undefined && (option.name !== '--reject-with' || option.isNegated)) return undefined;
  return { kind: 'verdict', verdict: { kind: 'reject', with: written } };
};

/** A helper, a timeout or events are properties of the connection; a zone makes it another connection. */
const readTracking: TargetReader = ({ options, text }) => {
  if (options.length === 1 && options[0]?.name === '--notrack') return { kind: 'untrack' };
  const harmless = ['--helper', '--timeout', '--ctevents', '--expevents'];
  const isHarmless = options.every((option) => harmless.includes(option.name));
  return isHarmless && options.length > 0 ? { kind: 'note', text } : undefined;
};

const readMss: TargetReader = ({ options }) => {
  const [option] = options;
  if (option === undefined || options.length !== 1) return undefined;
  if (option.name === '--clamp-mss-to-pmtu') return { kind: 'clamp-mss', bytes: 'path' };
  const bytes = option.name === '--set-mss' ? parseNumber(soleArgument(option)) : undefined;
  return bytes === undefined ? undefined : { kind: 'clamp-mss', bytes };
};

/** A TTL that starts high again lets the packet live; one that is lowered may let it die on its way. */
const readLifetime: TargetReader = ({ name, options, text }) => {
  const [option] = options;
  const value = option === undefined ? undefined : parseNumber(soleArgument(option));
  const prefix = `--${name.toLowerCase()}`;
  const isHigher =
    option?.name === `${prefix}-inc` || (option?.name === `${prefix}-set` && (value ?? 0) >= 32);
  return isHigher && options.length === 1 && value !== undefined ? { kind: 'note', text } : undefined;
};

/** Adding to a set and removing from it is for packets to come; --map-set writes into this one. */
const readSetChange: TargetReader = ({ options, text }) =>
  options.some((option) => option.name.startsWith('--map')) ? undefined : { kind: 'note', text };

const note: TargetReader = ({ text }) => ({ kind: 'note', text });

const readers: ReadonlyMap<string, TargetReader> = new Map([
  ['REJECT', readReject],
  ['DNAT', readNat],
  ['SNAT', readNat],
  ['MASQUERADE', (clause) => readMasquerade(clause)],
  ['REDIRECT', (clause) => readMasquerade(clause)],
  ['NETMAP', readNetmap],
  ['TPROXY', readTproxy],
  ['MARK', (clause) => readMark(clause)],
  ['CONNMARK', (clause) => readConnmark(clause)],
  ['CT', readTracking],
  ['NOTRACK', ({ options }) => (options.length === 0 ? { kind: 'untrack' } : undefined)],
  ['TCPMSS', readMss],
  ['TTL', readLifetime],
  ['HL', readLifetime],
  ['SET', readSetChange],
  ['LOG', note],
  ['NFLOG', note],
  ['ULOG', note],
  ['TRACE', note],
  ['AUDIT', note],
  ['CHECKSUM', note],
  // Changes the priority on the sending device's queue, which decides when and not where.
  ['CLASSIFY', note],
  // Changes bits of the TOS byte that no routing rule compares.
  ['ECN', note],
  ['SECMARK', note],
  ['CONNSECMARK', note],
  ['IDLETIMER', note],
  ['LED', note],
  ['RATEEST', note],
  // Sends a copy elsewhere; the packet itself goes on.
  ['TEE', note],
]);

/** Targets that no reader has steps for, and what they do. */
const reasons: ReadonlyMap<string, string> = new Map([
  ['NFQUEUE', 'hands the packet to a program, which decides'],
  ['QUEUE', 'hands the packet to a program, which decides'],
  ['CT', 'moves the connection to another zone'],
  // Routing rules may ask for the TOS, and so may later rules of the filter.
  ['DSCP', 'changes the DSCP, which routing may ask for'],
  ['TOS', 'changes the TOS, which routing may ask for'],
  ['TTL', 'lowers the TTL'],
  ['HL', 'lowers the hop limit'],
  ['HMARK', 'sets a mark that depends on a hash'],
  ['SET', 'takes marks from a set'],
  ['SYNPROXY', 'answers in the destination’s place'],
  ['CLUSTERIP', 'shares an address among hosts'],
  ['DNPT', 'translates prefixes without connections'],
  ['SNPT', 'translates prefixes without connections'],
  ['TCPOPTSTRIP', 'removes TCP options'],
]);

export function readTarget(target: Target, family: Family): FilterStep {
  const { name, text } = target;
  const isBare = target.options.length === 0 && !target.isOdd && !text.includes('\uFFFD');
  if (isBare) {
    const verdict = readVerdict(target);
    if (verdict !== undefined) return verdict;
  }
  const reader = target.isGoto ? undefined : readers.get(name);
  // U+FFFD stands for bytes that are no UTF-8, which matter nowhere but in the prefix of a log line.
  const isWhole = !target.isOdd && (reader === note || !text.includes('\uFFFD'));
  const step = isWhole ? reader?.(target, family) : undefined;
  if (step !== undefined) return step;
  const isStrange = reader === undefined && plainVerdict(name) === undefined;
  const unknown = isStrange ? `the target “${name}” is not known` : 'not understood';
  return { kind: 'opaque', text, why: reasons.get(name) ?? unknown };
}

/** A verdict, or the way to a chain; undefined for a target that does something itself. */
function readVerdict({ name, isGoto }: Target): FilterStep | undefined {
  if (isGoto) return { kind: 'verdict', verdict: { kind: 'goto', chain: name } };
  const plain = plainVerdict(name);
  if (plain !== undefined) return { kind: 'verdict', verdict: { kind: plain } };
  if (readers.has(name) || reasons.has(name)) return undefined;
  return { kind: 'verdict', verdict: { kind: 'jump', chain: name } };
}

function plainVerdict(name: string): 'accept' | 'drop' | 'return' | undefined {
  if (name === 'ACCEPT') return 'accept';
  if (name === 'DROP') return 'drop';
  return name === 'RETURN' ? 'return' : undefined;
}
