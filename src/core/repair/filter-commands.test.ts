// The commands of packet filter changes, and those that undo them.
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../net/address.ts';
import type { Address } from '../net/address.ts';
import type { FilterPlace, FilterRulePlace } from '../snapshot/filter-place.ts';
import { filterCommands, iptables, splitRuleWords } from './filter-commands.ts';
import type { ChangeCommands } from './plan.ts';

const on = 'node/n';
const chain: FilterPlace = {
  path: 'nodes/n/iptables-save.txt',
  origin: 'iptables-nft',
  family: 'ip',
  table: 'filter',
  chain: 'INPUT',
};
const native: FilterPlace = {
  path: 'nodes/n/nft.json',
  origin: 'nftables',
  family: 'inet',
  table: 'fw',
  chain: 'in',
};
const rule = (place: FilterPlace, text: string, handle?: number): FilterRulePlace => ({
  ...place,
  at: 'L1',
  text,
  ...(handle === undefined ? {} : { handle }),
});
const lines = (commands: ChangeCommands): readonly string[] =>
  [...commands.do, ...commands.undo].map(({ argv }) => argv.join(' '));

describe('the words of a rule', () => {
  it.each([
    ['-j DROP', ['-j', 'DROP']],
    ['-m comment --comment "two words" -j X', ['-m', 'comment', '--comment', 'two words', '-j', 'X']],
    ['--comment "a \\"b\\" \\\\ c"', ['--comment', 'a "b" \\ c']],
    ['--comment ""', ['--comment', '']],
  ])('%s', (text, words) => {
    expect(splitRuleWords(text)).toEqual(words);
  });
});

it.each([
  [chain, 'iptables -w -t filter'],
  [{ ...chain, path: 'nodes/n/iptables-legacy-save.txt' }, 'iptables-legacy -w -t filter'],
  [
    { ...chain, path: 'nodes/n/ip6tables-nft-save.txt', family: 'ip6' as const },
    'ip6tables-nft -w -t filter',
  ],
])('the program is that of the dump', (place, words) => {
  expect(iptables(place).join(' ')).toBe(words);
});

describe('a change', () => {
  it('takes a rule of iptables away by its words', () => {
    const change = {
      kind: 'remove-filter-rule',
      namespace: on,
      rule: rule(chain, '-p icmp -j DROP'),
    } as const;
    expect(lines(filterCommands(change))).toEqual([
      'iptables -w -t filter -D INPUT -p icmp -j DROP',
      'iptables -w -t filter -I INPUT -p icmp -j DROP',
    ]);
  });

  it('takes a rule of nft away by its handle, and puts it back as JSON', () => {
    const text = JSON.stringify([{ drop: null }]);
    const commands = filterCommands({
      kind: 'remove-filter-rule',
      namespace: on,
      rule: rule(native, text, 7),
    });
    expect(lines(commands)).toEqual(['nft delete rule inet fw in handle 7', 'nft -j -f -']);
    expect(JSON.parse(commands.undo[0]?.stdin ?? '')).toEqual({
      nftables: [{ insert: { rule: { family: 'inet', table: 'fw', chain: 'in', expr: [{ drop: null }] } } }],
    });
  });

  it('finds a rule of nft that it inserted by its comment', () => {
    const change = { kind: 'insert-filter-rule', namespace: on, chain: native, text: 'accept' } as const;
    const [insert, remove] = lines(filterCommands(change));
    expect(insert).toBe('nft insert rule inet fw in accept comment "waylaid"');
    expect(remove).toContain('nft -a list chain inet fw in | sed');
    expect(remove).toContain('xargs -r -n 1 nft delete rule inet fw in handle');
  });

  it.each([
    [chain, ['iptables -w -t filter -P INPUT ACCEPT', 'iptables -w -t filter -P INPUT DROP']],
    [native, ['nft add chain inet fw in { policy accept ; }', 'nft add chain inet fw in { policy drop ; }']],
  ])('sets a policy', (place, expected) => {
    const change = {
      kind: 'set-filter-policy',
      namespace: on,
      chain: place,
      policy: 'accept',
      was: 'drop',
    } as const;
    expect(lines(filterCommands(change))).toEqual(expected);
  });

  it('forgets a connection', () => {
    const address = (text: string): Address => parseAddress(text) as Address;
    const original = {
      source: address('10.42.1.2'),
      destination: address('10.43.0.10'),
      sourcePort: 5353,
      destinationPort: 53,
    };
    const change = { kind: 'remove-connection', namespace: on, protocol: 17, original } as const;
    expect(lines(filterCommands(change))).toEqual([
      'conntrack -D -p udp -s 10.42.1.2 -d 10.43.0.10 --sport 5353 --dport 53',
    ]);
  });
});
