// A long chain looked up by its index against every one of its rules: the same rules are put into chains too short to be
// indexed, one jump after the other. In both syntaxes of nftables and in iptables', with comments that look like matches.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FilterProgram, ProgramChain } from '../../src/core/model/filter-program.ts';
import type { FilterChain, FilterRule, FilterTable } from '../../src/core/snapshot/filter-facts.ts';
import { evaluateChain } from '../../src/core/trace/filter/evaluate-chain.ts';
import type { FilterPacket } from '../../src/core/trace/filter/filter-packet.ts';
import { makePacket, toAddress } from './made-chain.ts';

type Source = FilterRule['source'];

const addresses4 = ['10.43.0.1', '10.43.0.10', '10.42.1.7', '192.0.2.9'];
const addresses6 = ['fd00:43::1', 'fd00:42::7'];
const ports = [53, 80, 443];

interface Made {
  readonly isNegated: boolean;
  readonly source: string | undefined;
  readonly destination: string | undefined;
  readonly protocol: 'tcp' | 'udp' | undefined;
  readonly port: number | undefined;
  readonly isPortNegated: boolean;
  readonly length: number;
  readonly comment: string | undefined;
  readonly isMarkedFirst: boolean;
  readonly does: 'drop' | 'accept' | 'mark';
}

const made = (family: 4 | 6): fc.Arbitrary<Made> => {
  const host = fc.option(fc.constantFrom(...(family === 4 ? addresses4 : addresses6)), { nil: undefined });
  const full = family === 4 ? 32 : 128;
  return fc.record({
    isNegated: fc.nat(6).map((roll) => roll === 0),
    source: host,
    destination: host,
    protocol: fc.constantFrom('tcp', 'udp', undefined),
    port: fc.option(fc.constantFrom(...ports), { nil: undefined }),
    isPortNegated: fc.nat(6).map((roll) => roll === 0),
    length: fc.constantFrom(full, full, full, family === 4 ? 24 : 64),
    comment: fc.constantFrom(
      undefined,
      'web',
      'say \\" -m tcp --dport 53 -d 10.43.0.1/32',
      ' -m udp --dport 80 ',
    ),
    isMarkedFirst: fc.nat(9).map((roll) => roll === 0),
    does: fc.constantFrom('drop', 'accept', 'mark', 'mark', 'mark'),
  });
};

function writeIptables(rule: Made, at: number): Source {
  const { source, destination, length, protocol, port, comment } = rule;
  const not = rule.isNegated ? '! ' : '';
  const words = [
    source === undefined ? '' : `${not}-s ${maskHost(source, length)}`,
    destination === undefined ? '' : `-d ${maskHost(destination, length)}`,
    protocol === undefined ? '' : `-p ${protocol}`,
    comment === undefined ? '' : `-m comment --comment ${/\W/.test(comment) ? `"${comment}"` : comment}`,
    protocol === undefined || port === undefined
      ? ''
      : `-m ${protocol} ${rule.isPortNegated ? '! ' : ''}--dport ${port}`,
    rule.does === 'mark'
      ? `-j MARK --set-xmark 0x${(1 << (at % 30)).toString(16)}/0x0`
      : `-j ${rule.does.toUpperCase()}`,
  ];
  return { syntax: 'iptables', text: words.filter((word) => word !== '').join(' ') };
}

/** iptables-save and nft print networks with their host bits cleared. */
function maskHost(address: string, length: number): string {
  if (length === 32 || length === 128) return `${address}/${length}`;
  return length === 24 ? `${address.replace(/\d+$/, '0')}/24` : `${address.replace(/::.*/, '::')}/64`;
}

function writeText(rule: Made, at: number): Source {
  const { source, destination, length, protocol, port, does } = rule;
  const not = rule.isNegated ? '!= ' : '';
  const ip = (source ?? destination)?.includes(':') ? 'ip6' : 'ip';
  const host = (address: string): string =>
    length === 32 || length === 128 ? address : maskHost(address, length);
  const mark = `meta mark set meta mark ^ 0x${(1 << (at % 30)).toString(16)}`;
  const words = [
    rule.isMarkedFirst ? mark : '',
    source === undefined ? '' : `${ip} saddr ${not}${host(source)}`,
    destination === undefined ? '' : `${ip} daddr ${host(destination)}`,
    protocol === undefined || port === undefined
      ? ''
      : `${protocol} dport ${rule.isPortNegated ? '!= ' : ''}${port}`,
    'counter packets 0 bytes 0',
    does === 'mark' ? mark : does,
  ];
  return { syntax: 'nft-text', text: words.filter((word) => word !== '').join(' ') };
}

function writeJson(rule: Made, at: number): Source {
  const { source, destination, length, protocol, port, does } = rule;
  const side = (field: string, address: string, op: string): unknown => ({
    match: {
      op,
      left: { payload: { protocol: address.includes(':') ? 'ip6' : 'ip', field } },
      right:
        length === 32 || length === 128
          ? address
          : { prefix: { addr: maskHost(address, length).replace(/\/.*/, ''), len: length } },
    },
  });
  const mark = {
    mangle: { key: { meta: { key: 'mark' } }, value: { '^': [{ meta: { key: 'mark' } }, 1 << (at % 30)] } },
  };
  const statements = [
    rule.isMarkedFirst ? [mark] : [],
    source === undefined ? [] : [side('saddr', source, rule.isNegated ? '!=' : '==')],
    destination === undefined ? [] : [side('daddr', destination, '==')],
    protocol === undefined || port === undefined
      ? []
      : [
          {
            match: {
              op: rule.isPortNegated ? '!=' : '==',
              left: { payload: { protocol, field: 'dport' } },
              right: port,
            },
          },
        ],
    does === 'mark' ? [mark] : [{ [does]: null }],
  ].flat();
  return { syntax: 'nft-json', statements: JSON.parse(JSON.stringify(statements)) as never };
}

const writers = { iptables: writeIptables, text: writeText, json: writeJson };

function makeRules(all: readonly Made[], write: (rule: Made, at: number) => Source): FilterRule[] {
  return all.map((one, at) => ({ at: `L${at + 1}`, source: write(one, at) }));
}

function makePlace(rules: readonly FilterRule[], family: 4 | 6, isSplit: boolean): ProgramChain {
  const base = { hook: 'forward', type: 'filter', priority: 0, policy: 'accept' } as const;
  const pieces: FilterChain[] = [];
  for (let at = 0; at < rules.length; at += 10)
    pieces.push({ name: `p${at}`, at: 'L0', rules: rules.slice(at, at + 10) });
  const jumps = pieces.map(({ name }): FilterRule => ({
    at: name,
    source:
      rules[0]?.source.syntax === 'iptables'
        ? { syntax: 'iptables', text: `-j ${name}` }
        : { syntax: 'nft-text', text: `jump ${name}` },
  }));
  const chain: FilterChain = { name: 'main', at: 'L0', base, rules: isSplit ? jumps : rules };
  const table: FilterTable = {
    family: rules[0]?.source.syntax === 'iptables' ? (family === 4 ? 'ip' : 'ip6') : 'inet',
    name: 'filter',
    origin: 'nftables',
    at: 'L0',
    isDormant: false,
    chains: new Map([chain, ...pieces].map((one) => [one.name, one])),
    sets: new Map(),
  };
  const program: FilterProgram = {
    hooks: new Map(),
    bridgeHooks: new Map(),
    deviceHooks: new Map(),
    evidence: { path: 'nodes/n/iptables-save.txt' },
    ipsets: { known: false, reason: 'not-collected', path: 'ipset.txt' },
    gaps: [],
  };
  return { owner: { table, path: 'save.txt', program }, chain };
}

const packet = (family: 4 | 6): fc.Arbitrary<FilterPacket> => {
  const host = fc.constantFrom(...(family === 4 ? addresses4 : addresses6)).map(toAddress);
  return fc
    .record({
      source: host,
      destination: host,
      protocol: fc.constantFrom<'tcp' | 'udp' | 'icmp'>('tcp', 'udp', 'icmp'),
      destinationPort: fc.constantFrom(0, ...ports),
    })
    .map((change) => ({ ...makePacket(), family, packet: { ...makePacket().packet, ...change } }));
};

function describeEnds(place: ProgramChain, one: FilterPacket): unknown {
  return evaluateChain(place, one).map(({ verdict, mark, deciders }) => ({
    verdict,
    mark,
    rules: deciders.filter(({ did }) => !did.startsWith('jumps')).map(({ rule }) => rule?.at),
  }));
}

describe.each(['iptables', 'text', 'json'] as const)('a long chain of %s rules', (syntax) => {
  it.each([4, 6] as const)('does what its rules do one by one, in IPv%i', (family) => {
    let decided = 0;
    fc.assert(
      fc.property(fc.array(made(family), { minLength: 40, maxLength: 120 }), packet(family), (all, one) => {
        const rules = makeRules(all, writers[syntax]);
        const indexed = describeEnds(makePlace(rules, family, false), one);
        expect(indexed).toEqual(describeEnds(makePlace(rules, family, true), one));
        expect(JSON.stringify(indexed)).not.toContain('unknown');
        if (JSON.stringify(indexed).includes('"L')) decided++;
      }),
      { numRuns: 100 },
    );
    expect(decided).toBeGreaterThan(60);
  });
});
