import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeFile } from '../../../../test/evidence/make-file.ts';
import type { ConnectionFact } from '../filter-facts.ts';
import { readConnections } from './read-connections.ts';

function read(text: string, isTruncated = false): readonly ConnectionFact[] {
  const reading = readConnections(makeFile('conntrack.txt', text, isTruncated));
  if (!reading.isUnderstood) throw new Error(reading.detail);
  return reading.value;
}

function problemOf(text: string): string {
  const reading = readConnections(makeFile('conntrack.txt', text));
  return reading.isUnderstood ? 'understood' : reading.detail;
}

const tcp =
  'tcp      6 431996 ESTABLISHED src=10.42.1.31 dst=10.43.0.10 sport=35448 dport=80 src=10.42.1.11 dst=10.42.1.31 sport=8000 dport=35448 [ASSURED] mark=262144 use=1';

const plain = {
  protocol: 6,
  original: { source: '10.42.1.31', destination: '10.43.0.10', sourcePort: 35448, destinationPort: 80 },
  reply: { source: '10.42.1.11', destination: '10.42.1.31', sourcePort: 8000, destinationPort: 35448 },
  state: 'ESTABLISHED',
  isReplied: true,
  isAssured: true,
  mark: 262144,
  timeoutSeconds: 431996,
};

describe('tracked connections', () => {
  test.each([
    ['plain', tcp],
    ['extended', `ipv4     2 ${tcp}`],
    ['extended with id', `ipv4     2 ${tcp} id=1381775108`],
    ['with counters', `ipv4     2 ${tcp.replace('dport=80 ', 'dport=80 packets=3 bytes=60 ')} zone=0`],
    ['with a context', `ipv4     2 ${tcp} secctx=system_u:object_r:unlabeled_t:s0 delta-time=5`],
    ['ended by Windows', `${tcp}\r`],
  ])('%s', (_, line) => {
    const evidence = { path: 'conntrack.txt', at: 'L1', quote: line.trim() };
    expect(read(`${line}\n`)).toEqual([{ evidence, ...plain }]);
  });

  test('without a reply, of UDP and IPv6', () => {
    const line =
      'ipv6     10 udp      17 27 src=fd00::1 dst=fd00:0::2 sport=5 dport=53 [UNREPLIED] src=fd00::2 dst=fd00::1 sport=53 dport=5 mark=0 use=1';
    expect(read(`${line}\n`)[0]).toMatchObject({
      protocol: 17,
      original: { source: 'fd00::1', destination: 'fd00::2' },
      isReplied: false,
      isAssured: false,
      mark: 0,
      timeoutSeconds: 27,
    });
    expect(read(`${line}\n`)[0]).not.toHaveProperty('state');
  });

  test('offloaded ones have no timeout, others no ports', () => {
    const offloaded =
      'ipv4 2 tcp 6 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 [OFFLOAD] mark=0 use=3';
    const icmp =
      'ipv4 2 icmp 1 4 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=6536 src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=6536 mark=0 use=1';
    const unknown = 'unknown  50 599 src=10.0.0.1 dst=10.0.0.2 src=10.0.0.2 dst=10.0.0.1 use=1';
    const [first, second, third] = read(`${offloaded}\n${icmp}\n${unknown}\n`);
    expect(first).not.toHaveProperty('timeoutSeconds');
    expect(first?.original.destinationPort).toBe(2);
    expect(second).toMatchObject({ protocol: 1, original: { sourcePort: 0, destinationPort: 0 } });
    expect(third).toMatchObject({ protocol: 50, mark: 0, timeoutSeconds: 599 });
  });

  test('keep their zone', () => {
    expect(read(`${tcp} zone=5\n`)[0]?.zone).toBe(5);
    expect(read(`${tcp} zone-reply=7\n`)[0]?.zone).toBe(7);
  });

  test('what conntrack says of itself is no connection', () => {
    const said = 'conntrack v1.4.7 (conntrack-tools): 1 flow entries have been shown.';
    expect(read(`${said}\n${tcp}\n`)).toHaveLength(1);
    expect(read('')).toEqual([]);
  });

  test('a line that was cut is left out where the archive ended, and costs the file elsewhere', () => {
    const text = `${tcp}\n${tcp.slice(0, 80)}`;
    expect(read(text, true)).toHaveLength(1);
    expect(problemOf(text)).toBe(`cut off at byte ${text.length} (its last line does not end)`);
  });

  test.each([
    ['no connections here\n', 'not understood at line 1'],
    [`${tcp}\ntcp 6 10 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2\n`, 'not understood at line 2'],
    [`${tcp.replace('sport=35448', 'sport=99999')}\n`, 'not understood at line 1'],
    [`${tcp.replace('src=10.42.1.31', 'src=here')}\n`, 'not understood at line 1'],
    [`${tcp.replace('tcp      6', 'tcp      six')}\n`, 'not understood at line 1'],
    [`${tcp.replace('mark=262144', 'mark=lots')}\n`, 'not understood at line 1'],
  ])('%j: %s', (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  test('never throws, and loses no line', () => {
    const words = [...new Set(tcp.split(/\s+/)), 'ipv4', '2', '[UNREPLIED]'];
    fc.assert(
      fc.property(fc.array(fc.array(fc.constantFrom(...words), { minLength: 1 })), (lines) => {
        const text = lines.map((line) => `${line.join(' ')}\n`).join('');
        const reading = readConnections(makeFile('conntrack.txt', text));
        if (reading.isUnderstood) expect(reading.value).toHaveLength(lines.length);
      }),
    );
  });

  test('as recorded', () => {
    const url = new URL('../../../../test/fixtures/netfilter/iptables/conntrack.txt', import.meta.url);
    const connections = read(readFileSync(url, 'utf8'));
    expect(connections.map(({ protocol }) => protocol)).toEqual([6, 6, 6, 6, 17, 17, 17, 6, 6, 6, 1, 1]);
    expect(connections.filter(({ isReplied }) => !isReplied)).toHaveLength(3);
    expect(connections[1]?.reply.source).toBe('10.42.1.11');
  });
});
