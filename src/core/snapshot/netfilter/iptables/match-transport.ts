// Matches on the transport header: tcp, udp, sctp, dccp, multiport, icmp, icmp6. In: a module with its options. Out: its
// steps. What they look at besides (TCP options, SCTP chunks, DCCP types) is not understood, and says so.
import type { FilterValue } from '../../filter-facts.ts';
import type { FilterField, FilterKey, FilterStep } from '../../filter-steps.ts';
import { exactly, numberValue, parseNumber, parseNumberRange } from './literals.ts';
import { matchOn, readOptions, soleArgument } from './match-steps.ts';
import type { MatchReader } from './match-steps.ts';
import type { RuleClause, RuleOption } from './rule-parts.ts';

const lastPort = 65535;

type OptionReader = (option: RuleOption) => readonly FilterStep[] | undefined;

function portReaders(text: string): readonly (readonly [string, OptionReader])[] {
  const read =
    (field: FilterField): OptionReader =>
    (option) => {
      const range = parseNumberRange(soleArgument(option), lastPort);
      if (range === undefined) return undefined;
      return [matchOn({ key: field, values: [numberValue(range)], isNegated: option.isNegated, text })];
    };
  return [
    ['--sport', read('source-port')],
    ['--source-port', read('source-port')],
    ['--dport', read('destination-port')],
    ['--destination-port', read('destination-port')],
  ];
}

const readPorts: MatchReader = (clause) => readOptions(clause, new Map(portReaders(clause.text)));

const readTcp: MatchReader = (clause) =>
  readOptions(
    clause,
    new Map([
      ...portReaders(clause.text),
      ['--tcp-flags', (option) => readFlags(option, clause.text)],
      [
        '--syn',
        (option) => (option.args.length === 0 ? [flagStep(0x17, 0x02, option, clause.text)] : undefined),
      ],
    ]),
  );

const flagBits: ReadonlyMap<string, number> = new Map([
  ['FIN', 1],
  ['SYN', 2],
  ['RST', 4],
  ['PSH', 8],
  ['ACK', 16],
  ['URG', 32],
  ['ALL', 63],
  ['NONE', 0],
]);

function readFlags(option: RuleOption, text: string): readonly FilterStep[] | undefined {
  const [mask, flags] = option.args.map(parseFlags);
  if (mask === undefined || flags === undefined || option.args.length !== 2) return undefined;
  return [flagStep(mask, flags, option, text)];
}

function parseFlags(text: string): number | undefined {
  let bits = 0;
  for (const name of text.split(',')) {
    const bit = flagBits.get(name);
    if (bit === undefined) return undefined;
    bits |= bit;
  }
  return bits;
}

function flagStep(mask: number, flags: number, { isNegated }: RuleOption, text: string): FilterStep {
  return matchOn({ key: { field: 'tcp-flags', mask }, values: [exactly(flags)], isNegated, text });
}

const readMultiport: MatchReader = (clause) => {
  const read =
    (field: FilterField): OptionReader =>
    (option) => {
      const ranges = soleArgument(option)
        ?.split(',')
        .map((part) => parseNumberRange(part, lastPort));
      const values = ranges?.flatMap((range) => (range === undefined ? [] : [numberValue(range)]));
      if (values === undefined || values.length !== ranges?.length) return undefined;
      return [matchOn({ key: field, values, isNegated: option.isNegated, text: clause.text })];
    };
  return readOptions(
    clause,
    new Map([
      ['--sports', read('source-port')],
      ['--source-ports', read('source-port')],
      ['--dports', read('destination-port')],
      ['--destination-ports', read('destination-port')],
      ['--ports', read('any-port')],
    ]),
  );
};

/** Type and codes by name, as a person writes them; iptables-save prints numbers (libipt_icmp.c, libip6t_icmp6.c). */
const icmpNames: ReadonlyMap<string, string> = new Map([
  ['echo-reply', '0'],
  ['pong', '0'],
  ['destination-unreachable', '3'],
  ['network-unreachable', '3/0'],
  ['host-unreachable', '3/1'],
  ['protocol-unreachable', '3/2'],
  ['port-unreachable', '3/3'],
  ['fragmentation-needed', '3/4'],
  ['source-route-failed', '3/5'],
  ['network-unknown', '3/6'],
  ['host-unknown', '3/7'],
  ['network-prohibited', '3/9'],
  ['host-prohibited', '3/10'],
  ['TOS-network-unreachable', '3/11'],
  ['TOS-host-unreachable', '3/12'],
  ['communication-prohibited', '3/13'],
  ['host-precedence-violation', '3/14'],
  ['precedence-cutoff', '3/15'],
  ['source-quench', '4'],
  ['redirect', '5'],
  ['network-redirect', '5/0'],
  ['host-redirect', '5/1'],
  ['TOS-network-redirect', '5/2'],
  ['TOS-host-redirect', '5/3'],
  ['echo-request', '8'],
  ['ping', '8'],
  ['router-advertisement', '9'],
  ['router-solicitation', '10'],
  ['time-exceeded', '11'],
  ['ttl-exceeded', '11'],
  ['ttl-zero-during-transit', '11/0'],
  ['ttl-zero-during-reassembly', '11/1'],
  ['parameter-problem', '12'],
  ['ip-header-bad', '12/0'],
  ['required-option-missing', '12/1'],
  ['timestamp-request', '13'],
  ['timestamp-reply', '14'],
  ['address-mask-request', '17'],
  ['address-mask-reply', '18'],
]);

const icmp6Names: ReadonlyMap<string, string> = new Map([
  ['destination-unreachable', '1'],
  ['no-route', '1/0'],
  ['communication-prohibited', '1/1'],
  ['beyond-scope', '1/2'],
  ['address-unreachable', '1/3'],
  ['port-unreachable', '1/4'],
  ['failed-policy', '1/5'],
  ['reject-route', '1/6'],
  ['packet-too-big', '2'],
  ['time-exceeded', '3'],
  ['ttl-exceeded', '3'],
  ['ttl-zero-during-transit', '3/0'],
  ['ttl-zero-during-reassembly', '3/1'],
  ['parameter-problem', '4'],
  ['bad-header', '4/0'],
  ['unknown-header-type', '4/1'],
  ['unknown-option', '4/2'],
  ['echo-request', '128'],
  ['ping', '128'],
  ['echo-reply', '129'],
  ['pong', '129'],
  ['mld-listener-query', '130'],
  ['mld-listener-report', '131'],
  ['mld-listener-done', '132'],
  ['mld-listener-reduction', '132'],
  ['router-solicitation', '133'],
  ['router-advertisement', '134'],
  ['neighbor-solicitation', '135'],
  ['neighbour-solicitation', '135'],
  ['neighbor-advertisement', '136'],
  ['neighbour-advertisement', '136'],
  ['redirect', '137'],
]);

const readIcmp: MatchReader = (clause) =>
  readOptions(
    clause,
    new Map([
      ['--icmp-type', (option) => readIcmpType(clause, option, icmpNames)],
      ['--icmpv6-type', (option) => readIcmpType(clause, option, icmp6Names)],
    ]),
  );

function readIcmpType(
  { text, name }: RuleClause,
  option: RuleOption,
  names: ReadonlyMap<string, string>,
): readonly FilterStep[] | undefined {
  const written = soleArgument(option);
  if (written === undefined) return undefined;
  // Type 255 stands for any in IPv4 (net/ipv4/netfilter/ip_tables.c, Linux 6.12); IPv6 knows no such thing.
  if (name === 'icmp' && (written === 'any' || written === '255')) return anyType(option, text);
  const [typeText, codeText, more] = (names.get(written) ?? written).split('/');
  const type = parseNumber(typeText);
  const code = codeText === undefined ? undefined : parseNumberRange(codeText, 255);
  if (type === undefined || type > 255 || more !== undefined) return undefined;
  if (codeText === undefined) {
    return [matchOn({ key: 'icmp-type', values: [exactly(type)], isNegated: option.isNegated, text })];
  }
  if (code === undefined) return undefined;
  const keys: readonly FilterKey[] = [{ field: 'icmp-type' }, { field: 'icmp-code' }];
  const key: readonly FilterValue[] = [exactly(type), numberValue(code)];
  const values = { kind: 'elements', elements: [{ key }] } as const;
  return [{ kind: 'match', keys, isNegated: option.isNegated, values, text }];
}

function anyType({ isNegated }: RuleOption, text: string): readonly FilterStep[] {
  return isNegated ? [{ kind: 'chance', text, isNever: true }] : [];
}

export const transportMatches: ReadonlyMap<string, MatchReader> = new Map([
  ['tcp', readTcp],
  ['udp', readPorts],
  ['udplite', readPorts],
  ['sctp', readPorts],
  ['dccp', readPorts],
  ['multiport', readMultiport],
  ['icmp', readIcmp],
  ['icmp6', readIcmp],
  ['icmpv6', readIcmp],
  ['ipv6-icmp', readIcmp],
]);
