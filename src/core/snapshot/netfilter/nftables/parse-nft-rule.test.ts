// What single rules of nftables mean, from JSON as nft prints it and from its text.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FilterFamily } from '../../filter-facts.ts';
import type { FilterStep } from '../../filter-steps.ts';
import type { Json } from '../../cluster-facts.ts';
import { formatNftRule } from './format-nft.ts';
import { readMarkEdit } from './nft-mark.ts';
import { readTextStatements } from './nft-text-statements.ts';
import { parseNftRuleText } from './parse-nft-rule-text.ts';
import { parseNftRule } from './parse-nft-rule.ts';

function stepsOf(text: string, family: FilterFamily = 'inet'): readonly FilterStep[] {
  return parseNftRuleText(text, family).steps;
}

const number = (from: number, to = from): unknown => ({ kind: 'number', from, to });
const name = (text: string, isPrefix = false): unknown => ({ kind: 'name', name: text, isPrefix });
const address = (from: string, to = from): unknown => ({ kind: 'address', from, to });
const elements = (...values: readonly unknown[]): unknown => ({
  kind: 'elements',
  elements: values.map((value) => ({ key: [value] })),
});

describe('matches', () => {
  it('asks for the family and the transport first, once', () => {
    const fields = (text: string, family: FilterFamily): unknown =>
      stepsOf(text, family).map((step) =>
        'keys' in step ? step.keys.map(({ field }) => field).join('+') : step.kind,
      );
    expect(fields('ip saddr 10.0.0.1 ip daddr 10.0.0.2 tcp dport 80 tcp sport 5 accept', 'inet')).toEqual([
      'family',
      'source',
      'destination',
      'protocol',
      'destination-port',
      'source-port',
      'verdict',
    ]);
    expect(fields('ip saddr 10.0.0.1 tcp dport 80', 'ip')).toEqual([
      'source',
      'protocol',
      'destination-port',
    ]);
    expect(fields('meta l4proto tcp tcp dport 80', 'ip')).toEqual(['protocol', 'destination-port']);
    expect(fields('meta l4proto { tcp, udp } th dport 80', 'ip')).toEqual(['protocol', 'destination-port']);
    expect(fields('icmp type echo-request', 'inet')).toEqual(['family', 'protocol', 'icmp-type']);
    expect(fields('ip saddr . tcp dport { 10.0.0.1 . 80 }', 'bridge')).toEqual([
      'family',
      'protocol',
      'source+destination-port',
    ]);
  });

  it.each<[text: string, field: string, values: unknown, isNegated?: boolean]>([
    ['iifname "tailscale0*"', 'input-link', elements(name('tailscale0', true))],
    ['oifname != { "eth0", "wg*" }', 'output-link', elements(name('eth0'), name('wg', true)), true],
    ['iif "lo"', 'input-link', elements(name('lo'))],
    ['ct state established,related', 'connection-state', elements(name('established'), name('related'))],
    ['ct state != new', 'connection-state', elements(name('new')), true],
    ['ct state ! new,untracked', 'connection-state', elements(name('new'), name('untracked')), true],
    // A connection is in one state, and so never in two.
    ['ct state established | new', 'connection-state', elements()],
    ['ct status dnat', 'connection-status', elements(name('dnat'))],
    ['meta mark 0x00004000', 'mark', elements(number(0x4000))],
    ['meta mark < 0x00000010', 'mark', elements(number(0, 15))],
    ['meta mark >= 0x00000010', 'mark', elements(number(16, 0xffffffff))],
    ['meta protocol { ip, arp }', 'family', elements(number(4))],
    ['meta pkttype host', 'packet-type', elements(name('unicast'))],
    ['meta skuid 1000-1999', 'user', elements(number(1000, 1999))],
    ['fib daddr type { local, multicast }', 'destination-type', elements(name('local'), name('multicast'))],
    ['fib saddr . iif oif missing', 'source-route-link', elements(name('', true)), true],
    ['fib saddr . iif oif != 0', 'source-route-link', elements(name('', true))],
    ['fib saddr oifname "eth0"', 'source-route-link', elements(name('eth0'))],
    ['th dport 30000-32767', 'destination-port', elements(number(30000, 32767))],
    ['th dport https', 'destination-port', elements(number(443))],
    ['ct original ip daddr 10.43.0.10', 'original-destination', elements(address('10.43.0.10'))],
    ['meta l4proto ipv6-icmp', 'protocol', elements(number(58))],
    ['numgen random mod 4 offset 10 < 12', 'random', elements(number(0, 1))],
    ['numgen inc mod 2 offset 5 { 4, 6 }', 'random', elements(number(1))],
    ['meta mark @marks', 'mark', { kind: 'named', set: 'marks' }],
  ])('%s', (text, field, values, isNegated = false) => {
    expect(stepsOf(`${text} accept`)).toMatchObject([
      { kind: 'match', keys: [{ field }], isNegated, values, text },
      { kind: 'verdict' },
    ]);
  });

  it('reads flags of TCP by their bits', () => {
    const match = (text: string): unknown => stepsOf(text, 'ip').slice(1);
    const flags = (mask: number, value: number, isNegated: boolean): unknown => [
      { kind: 'match', keys: [{ field: 'tcp-flags', mask }], isNegated, values: elements(number(value)) },
    ];
    expect(match('tcp flags syn')).toMatchObject(flags(2, 0, true) as object);
    expect(match('tcp flags ! syn,rst')).toMatchObject(flags(6, 0, false) as object);
    expect(match('tcp flags syn / fin,syn,rst,ack')).toMatchObject(flags(23, 2, false) as object);
    expect(match('tcp flags & (fin | syn | rst | ack) != syn')).toMatchObject(flags(23, 2, true) as object);
    expect(match('tcp flags == 0x12')).toMatchObject([
      { keys: [{ field: 'tcp-flags' }], values: elements(number(18)) },
    ]);
  });

  it('keeps masks of marks and of addresses that are no prefixes', () => {
    expect(stepsOf('meta mark & 0xff0000 == 0x40000')).toMatchObject([
      { keys: [{ field: 'mark', mask: 0xff0000 }], values: elements(number(0x40000)) },
    ]);
    expect(stepsOf('ip saddr & 0.0.0.255 == 0.0.0.7', 'ip')).toMatchObject([
      { keys: [{ field: 'source', mask: 255 }], values: elements(address('0.0.0.7')) },
    ]);
  });

  it('reads a part of the status of a connection as bits that are there and bits that are not', () => {
    expect(stepsOf('ct status & (snat | dnat) == dnat')).toMatchObject([
      { isNegated: true, values: elements(name('snat')) },
      { isNegated: false, values: elements(name('dnat')) },
    ]);
  });

  it.each([
    'ether saddr 00:11:22:33:44:55',
    'ct zone 1',
    'meta cgroup 5',
    'meta skgid 0',
    'socket transparent 1',
    'rt ip nexthop 10.0.0.1',
    'exthdr frag exists',
    'ct status == dnat',
    'meta mark | 0xff == 0x1ff',
    'meta day "Monday"',
    'limit name "slow"',
    'xt match physdev',
  ])('%s can match or not', (text) => {
    expect(stepsOf(`${text} drop`).map(({ kind }) => kind)).toEqual(['opaque-match', 'verdict']);
  });
});

describe('statements', () => {
  it.each<[text: string, step: unknown, family?: FilterFamily]>([
    ['reject', { kind: 'verdict', verdict: { kind: 'reject', with: 'icmp-port-unreachable' } }],
    ['reject', { verdict: { kind: 'reject', with: 'icmp6-port-unreachable' } }, 'ip6'],
    ['reject with icmp host-prohibited', { verdict: { with: 'icmp-host-prohibited' } }, 'ip'],
    ['reject with icmpv6 admin-prohibited', { verdict: { with: 'icmp6-adm-prohibited' } }, 'ip6'],
    ['reject with icmpx admin-prohibited', { verdict: { with: 'icmp-admin-prohibited' } }],
    ['goto elsewhere', { kind: 'verdict', verdict: { kind: 'goto', chain: 'elsewhere' } }],
    ['notrack', { kind: 'untrack' }],
    ['tcp option maxseg size set rt mtu', { kind: 'clamp-mss', bytes: 'path' }],
    ['tcp option maxseg size set 1240', { kind: 'clamp-mss', bytes: 1240 }],
    ['limit rate over 3/minute', { kind: 'rate', isOver: true }],
    ['ct count 20', { kind: 'rate', isOver: false }],
    ['quota over 10 mbytes used 2 kbytes', { kind: 'rate', isOver: true }],
    ['quota 10 mbytes used 10 mbytes', { kind: 'rate', isOver: true }],
    ['update @seen { ip saddr timeout 5s }', { kind: 'note' }],
    ['add @seen { ip saddr limit rate over 9/second }', { kind: 'rate', isOver: true }],
    ['update @seen { ip saddr : ip daddr . tcp dport }', { kind: 'note' }],
    ['meter m size 10 { ip saddr limit rate 9/second }', { kind: 'rate', isOver: false }],
    ['flow add @fast', { kind: 'note' }],
    ['log prefix "a; b" flags tcp sequence,options flags skuid', { kind: 'note' }],
    ['ct helper set "ftp"', { kind: 'note' }],
    ['meta priority set 1:2', { kind: 'note' }],
    ['meta random & 0x7fffffff < 0x40000000', { kind: 'chance' }],
    ['ip daddr set 10.0.0.1', { kind: 'opaque' }],
    ['queue flags bypass to 1-3', { kind: 'opaque' }],
    ['dup to 10.0.0.1 device "lo"', { kind: 'opaque' }],
    ['meta mark set tcp dport map { 80 : 0x1 }', { kind: 'opaque' }],
    ['xt target "DNAT"', { kind: 'opaque', why: 'compat expression; its content is in iptables-save' }],
    ['dnat to 10.0.0.1', { kind: 'nat', type: 'dnat', range: { addresses: address('10.0.0.1') } }, 'ip'],
    ['redirect to :15001', { kind: 'nat', type: 'redirect', range: { ports: { from: 15001, to: 15001 } } }],
    ['masquerade to :1-5 random', { kind: 'nat', type: 'masquerade', range: { ports: { from: 1, to: 5 } } }],
    [
      'snat prefix to 192.0.2.0/24',
      { kind: 'netmap', type: 'snat', range: { addresses: { from: '192.0.2.0', to: '192.0.2.255' } } },
      'ip',
    ],
    ['tproxy to 127.0.0.1:80', { kind: 'tproxy', address: '127.0.0.1', port: 80 }, 'ip'],
  ])('%s', (text, step, family = 'inet') => {
    const steps = stepsOf(text, family);
    expect(steps).toHaveLength(1);
    expect(steps[0]).toMatchObject(
      JSON.parse(JSON.stringify(step).replaceAll('"kind":"address",', '')) as object,
    );
  });

  it('leaves what it does not know opaque, from there on', () => {
    expect(stepsOf('tcp dport 80 frobnicate the packet accept', 'ip').slice(2)).toEqual([
      { kind: 'opaque', text: 'frobnicate the packet accept', why: 'a statement that is not known' },
    ]);
    for (const text of ['ip frobnicated accept', 'iifname vmap accept', 'meta mark set accept']) {
      expect(stepsOf(text, 'ip')).toMatchObject([{ kind: 'opaque', text }]);
    }
    expect(stepsOf('tcp dport "80', 'ip')).toMatchObject([{ kind: 'opaque', text: 'tcp dport "80' }]);
    expect(parseNftRule([{ frobnicate: {} }, { accept: null }, null], 'ip').steps).toMatchObject([
      { kind: 'opaque' },
      { kind: 'verdict' },
      { kind: 'opaque' },
    ]);
  });

  it('reads maps of verdicts, the element for all others last', () => {
    expect(
      stepsOf('ip daddr . th dport vmap { * : drop, 10.0.0.0/8 . 80-90 : jump web }', 'ip'),
    ).toMatchObject([
      {
        kind: 'verdict-map',
        keys: [{ field: 'destination' }, { field: 'destination-port' }],
        values: {
          elements: [
            {
              key: [address('10.0.0.0', '10.255.255.255'), number(80, 90)],
              verdict: { kind: 'jump', chain: 'web' },
            },
            {
              key: [address('0.0.0.0', '255.255.255.255'), number(0, 0xffffffff)],
              verdict: { kind: 'drop' },
            },
          ],
        },
      },
    ]);
    expect(stepsOf('tcp dport vmap { 22 : queue }', 'ip').at(-1)).toMatchObject({ kind: 'opaque' });
  });

  it.each([
    ['[fd00::1]:80', 'fd00::1', 'fd00::1', 80, 80],
    ['[fd00::1]-[fd00::5]:80-90', 'fd00::1', 'fd00::5', 80, 90],
  ])('dnat to %s', (text, from, to, first, last) => {
    expect(stepsOf(`meta l4proto tcp dnat ip6 to ${text} persistent`).slice(1)).toMatchObject([
      { kind: 'match', keys: [{ field: 'family' }] },
      { kind: 'nat', range: { addresses: { from, to }, ports: { from: first, to: last } } },
    ]);
  });

  it('translates to what a map holds, in the spellings of old and new releases', () => {
    const data = [address('10.0.0.1'), number(8080)];
    for (const text of [
      'tcp dport 80 dnat ip to ip daddr map { 10.43.0.1 : 10.0.0.1 . 8080 }',
      'tcp dport 80 dnat ip addr . port to ip daddr map { 10.43.0.1 : 10.0.0.1 . 8080 }',
    ]) {
      expect(stepsOf(text, 'ip').at(-1)).toMatchObject({
        kind: 'nat',
        range: {},
        map: {
          keys: [{ field: 'destination' }],
          values: { elements: [{ key: [address('10.43.0.1')], data }] },
        },
      });
    }
    expect(stepsOf('tcp dport 5 dnat to 10.0.0.1:tcp dport map { 5 : 6 }', 'ip').at(-1)).toMatchObject({
      kind: 'nat',
      range: { addresses: { from: '10.0.0.1' } },
      map: {
        keys: [{ field: 'destination-port' }],
        values: { elements: [{ key: [number(5)], data: [number(6)] }] },
      },
    });
  });

  it('takes the comment, wherever a brace or a quote stands in it', () => {
    expect(parseNftRuleText('accept comment "a } \\" b"', 'ip').comment).toBe('a } \\" b');
    expect(parseNftRule([{ accept: null }, { comment: 'x' }], 'ip')).toMatchObject({ comment: 'x' });
  });
});

describe('marks', () => {
  const mark: Json = { meta: { key: 'mark' } };
  const connection: Json = { ct: { key: 'mark' } };
  const operand = fc.oneof(fc.constant(mark), fc.constant(connection), fc.nat({ max: 0xffffffff }));
  const expression = fc.letrec<{ tree: Json }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      operand,
      fc.record({ '&': fc.tuple(tie('tree'), fc.nat({ max: 0xffffffff })) }),
      fc.record({ '|': fc.tuple(tie('tree'), fc.nat({ max: 0xffffffff })) }),
      fc.record({ '^': fc.tuple(tie('tree'), tie('tree')) }),
    ),
  })).tree;

  function evaluate(tree: Json, packet: number, tracked: number): number {
    if (typeof tree === 'number') return tree;
    const [tag, body] = Object.entries(tree as Record<string, Json>)[0]!;
    if (tag === 'meta') return packet;
    if (tag === 'ct') return tracked;
    const [left, right] = (body as readonly Json[]).map((part) => evaluate(part, packet, tracked));
    if (tag === '&') return (left! & right!) >>> 0;
    return (tag === '|' ? left! | right! : left! ^ right!) >>> 0;
  }

  it('are what the expression makes of every mark', () => {
    const word = fc.nat({ max: 0xffffffff });
    fc.assert(
      fc.property(expression, word, word, (tree, packet, tracked) => {
        const edit = readMarkEdit('mark', tree)!;
        const from = edit.from === undefined ? 0 : tracked & (edit.fromMask ?? 0xffffffff);
        expect(((packet & edit.keep) ^ from ^ edit.xor) >>> 0).toBe(evaluate(tree, packet, tracked));
      }),
      { numRuns: 500 },
    );
  });

  it('are not understood where they are shifted or looked up', () => {
    expect(readMarkEdit('mark', { '<<': [mark, 8] })).toBeUndefined();
    expect(readMarkEdit('mark', { '&': [mark, connection] })).toBeUndefined();
    expect(readMarkEdit('mark', { numgen: { mode: 'inc', mod: 4 } })).toBeUndefined();
    expect(
      readMarkEdit('connection-mark', { '|': [{ '&': [connection, 255] }, { '&': [mark, 0xff00] }] }),
    ).toEqual({
      keep: 255,
      from: 'mark',
      fromMask: 0xff00,
      xor: 0,
    });
  });
});

it('never fails on text or on statements of any shape, and keeps every statement', () => {
  const words = fc.constantFrom(
    ...[
      'ip',
      'saddr',
      '10.0.0.1',
      '{',
      '}',
      '(',
      ')',
      ',',
      ':',
      'vmap',
      'map',
      '@s',
      'dnat',
      'to',
      'set',
      'meta',
    ],
    ...[
      'mark',
      '&',
      '|',
      '0x1',
      '"a"',
      'ct',
      'state',
      'limit',
      'rate',
      'fib',
      '.',
      'tcp',
      'dport',
      '80',
      'accept',
    ],
    ...[
      'jump',
      'log',
      'queue',
      'counter',
      'comment',
      'update',
      'numgen',
      'random',
      'mod',
      'xt',
      '-',
      '/',
      '!=',
    ],
  );
  fc.assert(
    fc.property(fc.array(words, { maxLength: 12 }), (parts) => {
      const text = parts.join(' ');
      const { steps, comment } = parseNftRuleText(text, 'inet');
      expect(steps.length > 0 || comment !== undefined || text === '').toBe(true);
      const said = formatNftRule(readTextStatements(text));
      expect(typeof said).toBe('string');
    }),
    { numRuns: 3000 },
  );
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { maxLength: 4 }), (statements) => {
      expect(parseNftRule(statements as readonly Json[], 'ip').steps.length).toBeGreaterThanOrEqual(0);
    }),
    { numRuns: 1000 },
  );
});
