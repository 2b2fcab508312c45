// The trace's evaluation of a chain against one that goes rule by rule, on generated chains: for every answer to what
// nobody knows, exactly what can be drawn comes out. And a long chain, looked up by its index, against every rule of it.
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { FilterSetElement, FilterValue, FilterVerdict } from '../../src/core/snapshot/filter-facts.ts';
import type { FilterField, FilterKey, FilterStep } from '../../src/core/snapshot/filter-steps.ts';
import type { ChainOutcome } from '../../src/core/trace/filter/chain-outcome.ts';
import { evaluateChain } from '../../src/core/trace/filter/evaluate-chain.ts';
import type { FilterPacket } from '../../src/core/trace/filter/filter-packet.ts';
import { makePacket, makePlace, toAddress } from './made-chain.ts';
import { runSlowly } from './slow-chain.ts';

vi.mock('../../src/core/snapshot/parse-filter-rule.ts', async () => {
  const { readMadeRule } = await import('./made-chain.ts');
  return { parseFilterRule: readMadeRule };
});

const names = ['main', 'a', 'b', 'c', 'd'];
const links = ['eth0', 'eth1', 'cni0', 'tailscale0'];
const addressTexts = ['10.0.0.1', '10.0.0.2', '10.0.0.7', '10.0.1.2', '192.0.2.1'];
const states = ['new', 'established', 'invalid', 'untracked'];

const number = (most: number): fc.Arbitrary<FilterValue> =>
  fc
    .tuple(fc.nat(most), fc.nat(3))
    .map(([from, more]) => ({ kind: 'number', from, to: Math.min(most, from + more) }));
const name = (all: readonly string[]): fc.Arbitrary<FilterValue> =>
  fc
    .tuple(fc.constantFrom(...all), fc.nat(4))
    .map(([text, cut]) =>
      cut === 0
        ? { kind: 'name', name: text.slice(0, 3), isPrefix: true }
        : { kind: 'name', name: text, isPrefix: false },
    );
const address: fc.Arbitrary<FilterValue> = fc
  .tuple(fc.constantFrom(...addressTexts), fc.boolean())
  .map(([text, isNetwork]) => {
    const from = toAddress(isNetwork ? text.replace(/\d+$/, '0') : text);
    return { kind: 'address', from, to: toAddress(isNetwork ? text.replace(/\d+$/, '255') : text) };
  });

const components: Readonly<Partial<Record<FilterField, fc.Arbitrary<FilterValue>>>> = {
  mark: number(15),
  'connection-mark': number(7),
  'connection-state': name(states),
  protocol: fc.constantFrom(1, 6, 17).map((value) => ({ kind: 'number', from: value, to: value })),
  'destination-port': number(6),
  destination: address,
  source: address,
  'input-link': name(links),
  random: number(4),
};

const fields = Object.keys(components) as FilterField[];

interface KeyedElements {
  readonly keys: readonly FilterKey[];
  readonly elements: readonly FilterSetElement[];
}

const keyed = (most: number): fc.Arbitrary<KeyedElements> =>
  fc.uniqueArray(fc.constantFrom(...fields), { minLength: 1, maxLength: most }).chain((chosen) =>
    fc.record({
      keys: fc.tuple(
        ...chosen.map((field) =>
          (field === 'mark' || field === 'connection-mark'
            ? fc.option(fc.constantFrom(1, 3, 12), { nil: undefined })
            : fc.constant(undefined)
          ).map((mask) => ({
            field,
            ...(mask === undefined ? {} : { mask }),
            ...(field === 'random' ? { modulus: 3 } : {}),
          })),
        ),
      ),
      elements: fc.array(
        fc
          .tuple(...chosen.map((field) => components[field] ?? number(1)))
          .map((key): FilterSetElement => ({ key })),
        { minLength: 1, maxLength: 4 },
      ),
    }),
  );

const anyPort: FilterStep = {
  kind: 'match',
  keys: [{ field: 'any-port' }],
  isNegated: true,
  values: { kind: 'elements', elements: [{ key: [{ kind: 'number', from: 2, to: 3 }] }] },
  text: '! --ports 2:3',
};

const match = (most: number): fc.Arbitrary<FilterStep> =>
  fc.tuple(keyed(most), fc.boolean()).map(([{ keys, elements }, isNegated]) => ({
    kind: 'match',
    keys,
    isNegated,
    values: { kind: 'elements', elements },
    text: 'match',
  }));

/** Chains lead to later ones only, as the kernel demands it of the whole. */
const verdict = (chain: number): fc.Arbitrary<FilterVerdict> => {
  const later = names.slice(chain + 1);
  const plain = fc.constantFrom<FilterVerdict>(
    { kind: 'accept' },
    { kind: 'drop' },
    { kind: 'return' },
    { kind: 'continue' },
  );
  if (later.length === 0) return plain;
  const jump = fc
    .tuple(fc.constantFrom<'jump' | 'goto'>('jump', 'goto'), fc.constantFrom(...later))
    .map(([kind, target]): FilterVerdict => ({ kind, chain: target }));
  return fc.oneof(plain, jump);
};

const edit = fc.record({
  keep: fc.constantFrom(0, 0xffffffff, 0xfffffff0, 0xfffffffe),
  from: fc.constantFrom<'mark' | 'connection-mark' | undefined>(undefined, 'mark', 'connection-mark'),
  fromMask: fc.constantFrom(0xff, 0xffffffff),
  xor: fc.constantFrom(0, 1, 4, 0x80000000),
});

const statement = (chain: number): fc.Arbitrary<FilterStep> =>
  fc.oneof(
    verdict(chain).map((one): FilterStep => ({ kind: 'verdict', verdict: one })),
    fc
      .tuple(fc.constantFrom<'mark' | 'connection-mark'>('mark', 'connection-mark'), edit)
      .map(([target, { from, ...rest }]): FilterStep => ({
        kind: 'set-mark',
        target,
        edit: from === undefined ? rest : { ...rest, from },
      })),
    fc.constantFrom(...addressTexts).map((text): FilterStep => ({
      kind: 'nat',
      type: 'dnat',
      range: { addresses: { from: toAddress(text), to: toAddress(text) } },
      text: 'dnat',
    })),
    fc.constant<FilterStep>({ kind: 'untrack' }),
    fc.constant<FilterStep>({ kind: 'note', text: 'log' }),
    fc
      .tuple(keyed(2), fc.array(verdict(chain), { minLength: 4, maxLength: 4 }))
      .map(([{ keys, elements }, verdicts]): FilterStep => ({
        kind: 'verdict-map',
        keys,
        values: {
          kind: 'elements',
          elements: elements.map((element, at) => ({ ...element, verdict: verdicts[at]! })),
        },
        text: 'vmap',
      })),
  );

const condition: fc.Arbitrary<FilterStep> = fc.oneof(
  { weight: 6, arbitrary: match(2) },
  { weight: 1, arbitrary: fc.constant(anyPort) },
  { weight: 1, arbitrary: fc.constant<FilterStep>({ kind: 'chance', text: 'statistic' }) },
  { weight: 1, arbitrary: fc.constant<FilterStep>({ kind: 'rate', isOver: false, text: 'limit' }) },
  { weight: 1, arbitrary: fc.constant<FilterStep>({ kind: 'opaque-match', text: 'bpf', why: 'not read' }) },
);

const rule = (chain: number): fc.Arbitrary<FilterStep[]> =>
  fc
    .tuple(
      fc.array(condition, { maxLength: 2 }),
      fc.array(fc.oneof({ weight: 3, arbitrary: statement(chain) }, { weight: 1, arbitrary: condition }), {
        minLength: 1,
        maxLength: 3,
      }),
    )
    .map(([conditions, rest]) => [...conditions, ...rest]);

const chains = fc
  .tuple(...names.map((_name, at) => fc.array(rule(at), { maxLength: 4 })))
  .map((all) => Object.fromEntries(all.map((rules, at) => [names[at]!, rules])));

const packet: fc.Arbitrary<FilterPacket> = fc
  .record({
    protocol: fc.constantFrom<'tcp' | 'udp' | 'icmp'>('tcp', 'udp', 'icmp'),
    mark: fc.constantFrom(0, 1, 4, 0x80000001),
    sourcePort: fc.nat(4),
    destinationPort: fc.nat(6),
    source: fc.constantFrom(...addressTexts),
    destination: fc.constantFrom(...addressTexts),
    link: fc.constantFrom(undefined, ...links),
    state: fc.constantFrom<'new' | 'established' | 'invalid' | undefined>(
      'new',
      'established',
      'invalid',
      undefined,
    ),
  })
  .map(({ state, link, source, destination, ...rest }) => {
    const { connection, packetType, lookups, family } = makePacket();
    const ends = { source: toAddress(source), destination: toAddress(destination) };
    return {
      family,
      lookups,
      packetType,
      packet: { ...makePacket().packet, ...rest, ...ends },
      ...(link === undefined ? {} : { inputLink: link }),
      ...(state === undefined || connection === undefined
        ? {}
        : { connection: { ...connection, state, mark: 3 } }),
    };
  });

function describeOutcome(outcome: ChainOutcome): string {
  const { verdict: end, mark, connectionMark, isUntracked, nat } = outcome;
  return [
    end.kind,
    mark,
    connectionMark,
    isUntracked,
    nat === undefined ? '' : `${nat.type} ${nat.address ?? ''}`,
  ].join(' ');
}

const mostRuns = 400;

/** Every end under these answers, by going back to the last draw that has another side; undefined where too many. */
function listEnds(run: (draw: (sides: number) => number) => string): ReadonlySet<string> | undefined {
  const ends = new Set<string>();
  const script: { side: number; sides: number }[] = [];
  for (let runs = 0; runs < mostRuns; runs++) {
    let at = 0;
    ends.add(
      run((sides) => {
        const drawn = (script[at] ??= { side: 0, sides });
        at++;
        return drawn.side;
      }),
    );
    script.length = at;
    while (script.length > 0 && script.at(-1)!.side + 1 >= script.at(-1)!.sides) script.pop();
    const last = script.at(-1);
    if (last === undefined) return ends;
    last.side++;
  }
  return undefined;
}

describe('evaluateChain', () => {
  it('comes to what going rule by rule comes to, whatever the answers', () => {
    let compared = 0;
    let doubted = 0;
    let drawn = 0;
    fc.assert(
      fc.property(
        chains,
        packet,
        fc.constantFrom<'accept' | 'drop'>('accept', 'drop'),
        fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
        (made, one, policy, coins) => {
          const place = makePlace(made, { policy, origin: 'nftables' });
          const outcomes = evaluateChain(place, one);
          const sides = new Map<string, boolean>();
          const doubt = (id: string): boolean => {
            const known = sides.get(id);
            if (known !== undefined) return known;
            const side = coins[sides.size % coins.length] === true;
            sides.set(id, side);
            return side;
          };
          const slow = listEnds((draw) => runSlowly(place, one, { doubt, draw }));
          if (slow === undefined) return;
          const fitting = outcomes.filter(({ doubts }) =>
            doubts.every(({ id, side }) => doubt(id) === (side === 'matches')),
          );
          compared++;
          if (sides.size > 0) doubted++;
          if (slow.size > 1) drawn++;
          expect([...new Set(fitting.map(describeOutcome))].sort()).toEqual([...slow].sort());
        },
      ),
      { numRuns: 2000 },
    );
    expect(compared).toBeGreaterThan(1500);
    expect(doubted).toBeGreaterThan(100);
    expect(drawn).toBeGreaterThan(100);
  });
});
