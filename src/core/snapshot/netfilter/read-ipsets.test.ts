import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeFile } from '../../../../test/evidence/make-file.ts';
import type { IpsetFact } from '../filter-facts.ts';
import { readIpsets } from './read-ipsets.ts';

function read(text: string): ReadonlyMap<string, IpsetFact> {
  const reading = readIpsets(makeFile('ipset.txt', text));
  if (!reading.isUnderstood) throw new Error(reading.detail);
  return reading.value;
}

function problemOf(text: string): string {
  const reading = readIpsets(makeFile('ipset.txt', text));
  return reading.isUnderstood ? 'understood' : reading.detail;
}

function membersOf(set: IpsetFact | undefined): readonly string[] | undefined {
  return set?.members.map(({ text, isException }) => `${text}${isException ? ' except' : ''}`);
}

const net = 'create N hash:net family inet hashsize 1024 maxelem 65536 timeout 0 bucketsize 12 initval 0x1\n';

describe('ipset save', () => {
  test('has sets with their members', () => {
    const sets = read(`${net}add N 10.0.0.0/8 timeout 0\nadd N 10.1.0.0/16 timeout 30 nomatch\n`);
    expect(sets.get('N')).toEqual({
      evidence: { path: 'ipset.txt', at: 'L1', quote: net.trim() },
      name: 'N',
      type: 'hash:net',
      family: 4,
      members: [
        { text: '10.0.0.0/8', isException: false },
        { text: '10.1.0.0/16', isException: true },
      ],
    });
  });

  test('knows a word in a comment from an option', () => {
    const sets = read(`${net}add N 10.0.0.0/8 comment "two nomatch words" packets 1 bytes 2\n`);
    expect(membersOf(sets.get('N'))).toEqual(['10.0.0.0/8']);
  });

  test('of IPv6, of ports, of devices, of sets', () => {
    const sets = read(
      [
        'create V hash:ip,port family inet6 hashsize 1024 maxelem 65536',
        'add V fd00::1,tcp:80',
        'create P bitmap:port range 1-100',
        'add P 80',
        'create D hash:net,iface family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0xe5abe144',
        'add D 10.0.0.0/8,physdev:eth0',
        'create L list:set size 8',
        'add L V',
        'create S hash:ip family inet hashsize 1024 maxelem 65536 skbinfo counters',
        'add S 10.0.0.1 packets 0 bytes 0 skbmark 0x11/0xff skbprio 1:2 skbqueue 3',
        '',
      ].join('\n'),
    );
    expect(sets.get('V')?.family).toBe(6);
    expect([...sets.values()].map(membersOf)).toEqual([
      ['fd00::1,tcp:80'],
      ['80'],
      ['10.0.0.0/8,physdev:eth0'],
      ['V'],
      ['10.0.0.1'],
    ]);
    expect([...sets.values()].map((set) => set.opaque)).toEqual(Array(5).fill(undefined));
  });

  test('with a netmask holds networks', () => {
    const create = 'create A hash:ip family inet hashsize 1024 maxelem 65536 netmask 24 comment\n';
    expect(membersOf(read(`${create}add A 10.0.5.0\n`).get('A'))).toEqual(['10.0.5.0/24']);
  });

  test('with another mask is opaque', () => {
    const set = read('create M hash:ip,mark family inet markmask 0xff\nadd M 10.0.0.1,0x5\n').get('M');
    expect(set?.opaque).toBe('markmask 0xff');
  });

  test('of nothing is no sets', () => {
    expect(read('').size).toBe(0);
  });

  test.each([
    ['add N 10.0.0.0/8\n', 'not understood at line 1'],
    [`${net}${net}`, 'not understood at line 2'],
    [`${net}add N\n`, 'not understood at line 2'],
    [`${net}add N 10.0.0.0/8 frob 5\n`, 'not understood at line 2'],
    [`${net}add N 10.0.0.0/8 timeout\n`, 'not understood at line 2'],
    [`${net}Name: N\n`, 'not understood at line 2'],
    [`${net}add N 10.0.`, `cut off at byte ${net.length + 11} (its last line does not end)`],
  ])('%j: %s', (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  test('as recorded of kube-router', () => {
    const url = new URL('../../../../test/fixtures/netfilter/iptables/ipset.txt', import.meta.url);
    const sets = read(readFileSync(url, 'utf8'));
    expect([...sets.values()].map((set) => set.type)).toContain('hash:net');
    const all = [...sets.values()].flatMap((set) => membersOf(set) ?? []);
    expect(all).toContain('192.168.50.13 except');
    expect(all).toContain('192.168.50.0/24');
  });
});
