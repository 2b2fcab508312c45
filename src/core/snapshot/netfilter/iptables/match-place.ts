// Matches that look things up, or at the packet's way: addrtype, rpfilter, physdev. In: a module with its options. Out: its
// steps.
import { parseAddress } from '../../../net/address.ts';
import type { Address } from '../../../net/address.ts';
import type { FilterValue } from '../../filter-facts.ts';
import type { FilterField, FilterKey, FilterStep } from '../../filter-steps.ts';
import { exactly, nameValue, networkValue, parseDevice } from './literals.ts';
import { matchOn, readOptions, soleArgument } from './match-steps.ts';
import type { MatchReader } from './match-steps.ts';
import type { RuleClause, RuleOption } from './rule-parts.ts';

/** Any device name at all. */
const anyName: FilterValue = { kind: 'name', name: '', isPrefix: true };

const addressTypes: ReadonlySet<string> = new Set([
  'UNICAST',
  'LOCAL',
  'BROADCAST',
  'ANYCAST',
  'MULTICAST',
  'BLACKHOLE',
  'UNREACHABLE',
  'PROHIBIT',
]);

const readAddressType: MatchReader = (clause, { family }) => {
  const isLimitedIn = clause.options.some((option) => option.name === '--limit-iface-in');
  const isLimitedOut = clause.options.some((option) => option.name === '--limit-iface-out');
  const limit = isLimitedIn ? { lookupLink: 'input' as const } : isLimitedOut ? outputLimit : {};
  const steps: FilterStep[] = [];
  for (const option of clause.options) {
    if (option.name === '--limit-iface-in' || option.name === '--limit-iface-out') continue;
    const side = addressSide(option.name);
    const types = soleArgument(option)?.split(',');
    if (side === undefined || types === undefined) return undefined;
    if (!types.every((type) => addressTypes.has(type))) return undefined;
    const about = { option, types, limit, side, text: clause.text };
    const step = family === 4 ? typeStep(about) : typeStepOfIpv6(about);
    if (step === undefined) return 'IPv6 asks for all of several address types at once';
    steps.push(step);
  }
  return steps;
};

const outputLimit = { lookupLink: 'output' as const };

function addressSide(name: string): 'source' | 'destination' | undefined {
  if (name === '--src-type') return 'source';
  return name === '--dst-type' ? 'destination' : undefined;
}

interface AddressTypeMatch {
  readonly option: RuleOption;
  readonly types: readonly string[];
  readonly limit: Pick<FilterKey, 'lookupLink'>;
  readonly side: 'source' | 'destination';
  readonly text: string;
}

function typeStep({ option, types, limit, side, text }: AddressTypeMatch): FilterStep {
  return matchOn({
    key: { field: `${side}-type`, ...limit },
    values: types.map((type) => nameValue(type.toLowerCase())),
    isNegated: option.isNegated,
    text,
  });
}

const unspecified = '::' as Address;

/** What ipv6_addr_type() does not call unicast: multicast, `::`, and IPv4-mapped addresses. */
const notUnicast: readonly FilterValue[] = [
  ['ff00::', 8],
  ['::', 128],
  ['::ffff:0.0.0.0', 96],
].map(([text, length]) => networkValue(parseAddress(String(text)) ?? unspecified, Number(length)));

/**
 * For IPv6, unicast and multicast are said of the address itself, and only the other types are looked up; a list needs
 * all it names but for those that are looked up, of which one is enough (net/netfilter/xt_addrtype.c, Linux 6.12).
 */
function typeStepOfIpv6(match: AddressTypeMatch): FilterStep | undefined {
  const { option, types, side, text } = match;
  const [only] = types;
  if (types.length === 1 && only === 'UNICAST')
    return matchOn({ key: side, values: notUnicast, isNegated: !option.isNegated, text });
  if (types.length === 1 && only === 'MULTICAST')
    return matchOn({ key: side, values: notUnicast.slice(0, 1), isNegated: option.isNegated, text });
  const areLookedUp = types.every((type) => ['LOCAL', 'ANYCAST', 'UNREACHABLE', 'PROHIBIT'].includes(type));
  return areLookedUp ? typeStep(match) : undefined;
}

/**
 * Holds where the way back to the source leads through the device that the packet came by (`--loose`: through any): the
 * lookup that nftables writes `fib saddr . iif oif` (ipt_rpfilter.c, nft_fib_ipv4.c, Linux 6.12). With `--accept-local` a
 * source address of this host passes too, which that lookup does not say.
 */
const readReversePath: MatchReader = (clause) => {
  const has = (name: string): boolean => clause.options.some((option) => option.name === name);
  const known = ['--loose', '--validmark', '--accept-local', '--invert'];
  const isKnown = clause.options.every(
    (option) => known.includes(option.name) && option.args.length === 0 && !option.isNegated,
  );
  if (!isKnown) return undefined;
  if (has('--accept-local')) return 'takes addresses of this host for reachable';
  const key: FilterKey = {
    field: 'source-route-link',
    ...(has('--loose') ? {} : { lookupLink: 'input' as const }),
    ...(has('--validmark') ? { isMarkUsed: true } : {}),
  };
  return [matchOn({ key, values: [anyName], isNegated: has('--invert'), text: clause.text })];
};

/** For what no bridge carried, only what is negated holds (xt_physdev.c, Linux 6.12), as for any absent value. */
const readPhysicalDevice: MatchReader = (clause) =>
  readOptions(
    clause,
    new Map([
      ['--physdev-in', (option) => deviceStep('physical-input', option, clause)],
      ['--physdev-out', (option) => deviceStep('physical-output', option, clause)],
      ['--physdev-is-in', (option) => flagStep({ field: 'physical-input' }, anyName, option, clause)],
      ['--physdev-is-out', (option) => flagStep({ field: 'physical-output' }, anyName, option, clause)],
      ['--physdev-is-bridged', (option) => flagStep({ field: 'is-bridged' }, exactly(1), option, clause)],
    ]),
  );

function deviceStep(
  field: FilterField,
  option: RuleOption,
  { text }: RuleClause,
): readonly FilterStep[] | undefined {
  const name = soleArgument(option);
  if (name === undefined || name === '') return undefined;
  return [matchOn({ key: field, values: [parseDevice(name)], isNegated: option.isNegated, text })];
}

function flagStep(
  key: FilterKey,
  value: FilterValue,
  option: RuleOption,
  { text }: RuleClause,
): readonly FilterStep[] | undefined {
  if (option.args.length > 0) return undefined;
  return [matchOn({ key, values: [value], isNegated: option.isNegated, text })];
}

export const placeMatches: ReadonlyMap<string, MatchReader> = new Map([
  ['addrtype', readAddressType],
  ['rpfilter', readReversePath],
  ['physdev', readPhysicalDevice],
]);
