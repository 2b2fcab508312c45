// Matches on the packet itself and its sender: mark, length, ttl, hl, dscp, tos, pkttype, iprange, owner, set. In: a module
// with its options. Out: its steps.
import { compareAddresses, familyOf, parseAddress } from '../../../net/address.ts';
import type { FilterField, FilterStep } from '../../filter-steps.ts';
import { exactly, nameValue, numberValue, parseMasked, parseNumber, parseNumberRange } from './literals.ts';
import { markStep } from './match-connection.ts';
import { matchOn, readOptions, soleArgument } from './match-steps.ts';
import type { MatchReader } from './match-steps.ts';
import type { RuleOption } from './rule-parts.ts';

type OptionReader = (option: RuleOption) => readonly FilterStep[] | undefined;

const readMark: MatchReader = (clause) =>
  readOptions(
    clause,
    new Map([
      [
        '--mark',
        (option) => {
          const masked = parseMasked(soleArgument(option));
          return masked === undefined ? undefined : [markStep('mark', masked, option, clause.text)];
        },
      ],
    ]),
  );

function numberReader(field: FilterField, limit: number, text: string): OptionReader {
  return (option) => {
    const range = parseNumberRange(soleArgument(option), limit);
    if (range === undefined) return undefined;
    return [matchOn({ key: field, values: [numberValue(range)], isNegated: option.isNegated, text })];
  };
}

const readLength: MatchReader = (clause) =>
  readOptions(clause, new Map([['--length', numberReader('length', 65535, clause.text)]]));

/** `--ttl-lt 5` is 0 to 4. */
const readTtl: MatchReader = (clause) => {
  const read =
    (range: (value: number) => { readonly from: number; readonly to: number }): OptionReader =>
    (option) => {
      const value = parseNumber(soleArgument(option));
      if (value === undefined || value > 255) return undefined;
      const { from, to } = range(value);
      // Nothing is below 0 and nothing above 255.
      if (from > to) return [{ kind: 'chance', text: clause.text, isNever: true }];
      const values = [numberValue({ from, to })];
      return [matchOn({ key: 'ttl', values, isNegated: option.isNegated, text: clause.text })];
    };
  const ends: readonly (readonly [string, OptionReader])[] = [
    ['eq', read((value) => ({ from: value, to: value }))],
    ['lt', read((value) => ({ from: 0, to: value - 1 }))],
    ['gt', read((value) => ({ from: value + 1, to: 255 }))],
  ];
  return readOptions(
    clause,
    new Map(ends.map(([name, reader]) => [`--${clause.name}-${name}`, reader] as const)),
  );
};

const readDscp: MatchReader = (clause) =>
  readOptions(clause, new Map([['--dscp', numberReader('dscp', 63, clause.text)]]));

/** The TOS byte is the DSCP and two bits of congestion notification, which a packet's model does not have. */
const readTos: MatchReader = (clause) => {
  const { text } = clause;
  const [option] = clause.options;
  const masked = option === undefined ? undefined : parseMasked(soleArgument(option));
  if (option?.name !== '--tos' || clause.options.length > 1 || masked === undefined) return undefined;
  if (masked.value > 255 || masked.mask > 255) return undefined;
  if ((masked.mask & 3) !== 0) return 'depends on congestion notification';
  // A bit outside the mask is never found.
  if ((masked.value & 3) !== 0)
    return [
      option.isNegated ? { kind: 'chance', text, isAlways: true } : { kind: 'chance', text, isNever: true },
    ];
  const key = { field: 'dscp', mask: masked.mask >> 2 } as const;
  return [matchOn({ key, values: [exactly(masked.value >> 2)], isNegated: option.isNegated, text })];
};

/** A packet for this host is `unicast` here and `host` in nftables: one number in the kernel. */
const packetTypes: readonly string[] = ['unicast', 'broadcast', 'multicast', 'otherhost'];

const readPacketType: MatchReader = (clause) =>
  readOptions(
    clause,
    new Map([
      [
        '--pkt-type',
        (option) => {
          const written = soleArgument(option);
          const name = written === 'host' ? 'unicast' : written;
          if (name === undefined || !packetTypes.includes(name)) return undefined;
          const values = [nameValue(name)];
          return [matchOn({ key: 'packet-type', values, isNegated: option.isNegated, text: clause.text })];
        },
      ],
    ]),
  );

const readAddressRange: MatchReader = (clause, { family }) => {
  const read =
    (field: FilterField): OptionReader =>
    (option) => {
      const [fromText = '', toText = fromText, more] = (soleArgument(option) ?? '').split('-');
      const from = parseAddress(fromText);
      const to = parseAddress(toText);
      if (from === undefined || to === undefined || more !== undefined) return undefined;
      if (familyOf(from) !== family || familyOf(to) !== family) return undefined;
      if (compareAddresses(from, to) > 0) return undefined;
      const values = [{ kind: 'address', from, to } as const];
      return [matchOn({ key: field, values, isNegated: option.isNegated, text: clause.text })];
    };
  return readOptions(
    clause,
    new Map([
      ['--src-range', read('source')],
      ['--dst-range', read('destination')],
    ]),
  );
};

/** A packet without a socket passes only what is negated (xt_owner.c, Linux 6.12), as for any absent value. */
const readOwner: MatchReader = (clause) => {
  const read: OptionReader = (option) => {
    const range = parseNumberRange(soleArgument(option), 0xffffffff, '-');
    if (range === undefined) return undefined;
    const values = [numberValue(range)];
    return [matchOn({ key: 'user', values, isNegated: option.isNegated, text: clause.text })];
  };
  return (
    readOptions(clause, new Map([['--uid-owner', read]])) ?? 'depends on the socket or process that sends'
  );
};

/** Counters are updated or not; neither changes what matches. */
const setCounters: ReadonlySet<string> = new Set(['--update-counters', '--update-subcounters']);

const readSet: MatchReader = (clause) => {
  const options = clause.options.filter((option) => !setCounters.has(option.name));
  const [option] = options;
  if (option === undefined || option.name !== '--match-set') return undefined;
  if (options.length > 1) return 'depends on counters or exceptions of the set';
  const [set, directionText] = option.args;
  if (set === undefined || directionText === undefined || option.args.length !== 2) return undefined;
  const directions: ('src' | 'dst')[] = [];
  for (const part of directionText.split(',')) {
    if (part !== 'src' && part !== 'dst') return undefined;
    directions.push(part);
  }
  return [{ kind: 'ipset', set, directions, isNegated: option.isNegated, text: clause.text }];
};

export const packetMatches: ReadonlyMap<string, MatchReader> = new Map([
  ['mark', readMark],
  ['length', readLength],
  ['ttl', readTtl],
  ['hl', readTtl],
  ['dscp', readDscp],
  ['tos', readTos],
  ['pkttype', readPacketType],
  ['iprange', readAddressRange],
  ['owner', readOwner],
  ['set', readSet],
]);
