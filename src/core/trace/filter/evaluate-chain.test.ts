// What a base chain does with a packet, rule by rule: the verdicts of nft_do_chain and ipt_do_table, forks, doubts and
// their joining. Rules are given as steps; reading them from text is tested where they are read.
import { describe, expect, it, vi } from 'vitest';
import type { FilterStep } from '../../snapshot/filter-steps.ts';
import { evaluateChain } from './evaluate-chain.ts';
import {
  addressMatch,
  makePacket,
  makePlace,
  nameMatch,
  negate,
  numberMatch,
} from '../../../../test/oracle/made-chain.ts';

vi.mock('../../snapshot/parse-filter-rule.ts', async () => {
  const { readMadeRule } = await import('../../../../test/oracle/made-chain.ts');
  return { parseFilterRule: readMadeRule };
});

const accept: FilterStep = { kind: 'verdict', verdict: { kind: 'accept' } };
const drop: FilterStep = { kind: 'verdict', verdict: { kind: 'drop' } };
const back: FilterStep = { kind: 'verdict', verdict: { kind: 'return' } };
const jump = (chain: string): FilterStep => ({ kind: 'verdict', verdict: { kind: 'jump', chain } });
const goto = (chain: string): FilterStep => ({ kind: 'verdict', verdict: { kind: 'goto', chain } });
const opaque: FilterStep = { kind: 'opaque-match', text: '-m bpf', why: 'its program is not read' };

const kindsOf = (chains: Record<string, FilterStep[][]>, policy: 'accept' | 'drop' = 'accept'): string[] =>
  evaluateChain(makePlace(chains, { policy }), makePacket()).map(({ verdict }) => verdict.kind);

describe('evaluateChain', () => {
  it('lets the policy judge what no rule did', () => {
    expect(kindsOf({ main: [] }, 'drop')).toEqual(['drop']);
    expect(kindsOf({ main: [[numberMatch('destination-port', 81), drop]] })).toEqual(['accept']);
    expect(kindsOf({ main: [[numberMatch('destination-port', 80), drop]] })).toEqual(['drop']);
    expect(kindsOf({ main: [[addressMatch('destination', '10.0.0.2'), drop]] })).toEqual(['drop']);
  });

  it('comes back from a jump and not from a goto', () => {
    expect(kindsOf({ main: [[jump('a')], [drop]], a: [[back], [accept]] })).toEqual(['drop']);
    expect(kindsOf({ main: [[goto('a')], [drop]], a: [[back]] })).toEqual(['accept']);
    expect(kindsOf({ main: [[jump('a')], [drop]], a: [[goto('b')], [accept]], b: [] })).toEqual(['drop']);
  });

  it('joins what an unknown match cannot change', () => {
    expect(evaluateChain(makePlace({ main: [[opaque, accept]] }), makePacket())).toMatchObject([
      { verdict: { kind: 'accept' }, doubts: [] },
    ]);
    const split = evaluateChain(makePlace({ main: [[opaque, accept]] }, { policy: 'drop' }), makePacket());
    expect(split.map(({ verdict, doubts }) => [verdict.kind, doubts[0]?.side])).toEqual([
      ['accept', 'matches'],
      ['drop', 'does not match'],
    ]);
  });

  it('takes what came by loopback for what its way back leads to', () => {
    const isBack: FilterStep = {
      kind: 'match',
      keys: [{ field: 'source-route-link', lookupLink: 'input' }],
      isNegated: false,
      values: { kind: 'elements', elements: [{ key: [{ kind: 'name', name: '', isPrefix: true }] }] },
      text: '-m rpfilter',
    };
    const chain = makePlace({ main: [[isBack, accept]] }, { policy: 'drop', hook: 'prerouting' });
    const lookups = { typeOf: () => undefined, routeLinkOf: () => '' };
    const kindBy = (inputLink: string): string | undefined =>
      evaluateChain(chain, { ...makePacket(), inputLink, lookups })[0]?.verdict.kind;
    expect([kindBy('lo'), kindBy('eth0')]).toEqual(['accept', 'drop']);
  });

  it('says where a chain cannot be followed', () => {
    const question = (chains: Record<string, FilterStep[][]>): string => {
      const [only, ...others] = evaluateChain(makePlace(chains), makePacket());
      expect(others).toEqual([]);
      return only?.verdict.kind === 'unknown' ? only.verdict.question : '';
    };
    expect(question({ main: [[jump('gone')]] })).toMatch(/^save.txt:1001: .*gone.*does not show/);
    expect(question({ main: [[jump('a')]], a: [[jump('a')]] })).toMatch(/^save.txt:2001: .*back to itself/);
    expect(question({ main: [[goto('a')]], a: [[goto('main')]] })).toMatch(
      /^save.txt:2001: .*back to itself/,
    );
    expect(question({ main: [[{ kind: 'opaque', text: '-j X', why: 'it is not known' }]] })).toMatch(
      /^save.txt:1001: what does "-j X" do/,
    );
    const deep = Object.fromEntries(
      Array.from({ length: 40 }, (_chain, at) => [at === 0 ? 'main' : `c${at}`, [[jump(`c${at + 1}`)]]]),
    );
    expect(question({ ...deep, c40: [] })).toMatch(/too deep/);
  });

  it('gives up instead of listing more outcomes than anybody can read', () => {
    const bits = Array.from({ length: 16 }, (_bit, at): FilterStep[] => [
      { kind: 'chance', text: 'statistic' },
      { kind: 'set-mark', target: 'mark', edit: { keep: 0xffffffff, xor: 2 ** at } },
    ]);
    expect(evaluateChain(makePlace({ main: bits }), makePacket())).toMatchObject([
      { verdict: { kind: 'unknown', question: expect.stringContaining('too many outcomes') as string } },
    ]);
  });

  it('keeps marks in 32 bits', () => {
    const steps: FilterStep[] = [
      { kind: 'set-mark', target: 'mark', edit: { keep: 0xff00ffff, xor: 0x80040000 } },
      {
        kind: 'set-mark',
        target: 'connection-mark',
        edit: { keep: 0, from: 'mark', fromMask: 0xffff0000, xor: 1 },
      },
    ];
    const packet = makePacket();
    const marked = { ...packet, packet: { ...packet.packet, mark: 0x00ff4000 } };
    expect(evaluateChain(makePlace({ main: [steps] }), marked)).toMatchObject([
      { mark: 0x80044000, connectionMark: 0x80040001 },
    ]);
  });

  it('reads a missing device as the kernel does', () => {
    const kinds = (steps: FilterStep[], origin: 'iptables-nft' | 'nftables' = 'nftables'): string[] => {
      const { inputLink, ...local } = makePacket();
      expect(inputLink).toBe('eth0');
      return evaluateChain(makePlace({ main: [steps] }, { origin }), local).map(
        ({ verdict }) => verdict.kind,
      );
    };
    expect(kinds([negate(nameMatch('input-link', 'eth0')), drop])).toEqual(['drop']);
    expect(kinds([nameMatch('input-link', 'eth', true), drop])).toEqual(['accept']);
    expect(kinds([nameMatch('input-link', '', true), drop])).toEqual(['accept']);
    expect(kinds([negate(nameMatch('physical-input', 'eth0')), drop])).toEqual(['drop']);
  });

  it('asks a packet without a socket for its user in the way of each syntax', () => {
    const steps = [negate(numberMatch('user', 5)), drop];
    const kinds = (origin: 'iptables-nft' | 'nftables'): string[] =>
      evaluateChain(makePlace({ main: [steps] }, { origin }), makePacket()).map(
        ({ verdict }) => verdict.kind,
      );
    expect(kinds('iptables-nft')).toEqual(['drop']);
    expect(kinds('nftables')).toEqual(['accept']);
  });

  it('finds no connection in an invalid or untracked packet', () => {
    const packet = makePacket();
    const steps = [negate(numberMatch('connection-mark', 7)), drop];
    const kinds = (state: 'new' | 'invalid' | 'untracked'): string[] => {
      const connection =
        packet.connection === undefined ? {} : { connection: { ...packet.connection, state } };
      return evaluateChain(makePlace({ main: [steps] }), { ...packet, ...connection }).map(
        ({ verdict }) => verdict.kind,
      );
    };
    expect([kinds('new'), kinds('invalid'), kinds('untracked')]).toEqual([['drop'], ['accept'], ['accept']]);
  });

  it('leaves a tracked connection tracked, and a later rule without one that was untracked', () => {
    const chains = {
      main: [[{ kind: 'untrack' } as const], [nameMatch('connection-state', 'untracked'), drop]],
    };
    const { connection, ...raw } = makePacket();
    expect(connection).toBeDefined();
    expect(evaluateChain(makePlace(chains), raw)).toMatchObject([
      { verdict: { kind: 'drop' }, isUntracked: true },
    ]);
    expect(evaluateChain(makePlace(chains), makePacket())).toMatchObject([
      { verdict: { kind: 'accept' }, isUntracked: false },
    ]);
  });

  it('keeps a rate and says so where it counts', () => {
    const rate = (isOver: boolean): FilterStep => ({ kind: 'rate', isOver, text: '-m limit' });
    const note: FilterStep = { kind: 'note', text: '-j LOG' };
    const assumes = ['the rate of "-m limit" is not exceeded'];
    const first = (steps: FilterStep[]): unknown =>
      evaluateChain(makePlace({ main: [steps] }), makePacket())[0];
    expect(first([rate(false), drop])).toMatchObject({ verdict: { kind: 'drop' }, assumes });
    expect(first([rate(true), drop])).toMatchObject({ verdict: { kind: 'accept' }, assumes });
    expect(first([rate(false), note])).toMatchObject({ assumes: [] });
    expect(first([opaque, note])).toMatchObject({ doubts: [] });
  });

  it('spares the question that another match of the rule settles', () => {
    const outcomes = evaluateChain(
      makePlace({ main: [[opaque, numberMatch('destination-port', 81), drop]] }),
      makePacket(),
    );
    expect(outcomes).toMatchObject([{ verdict: { kind: 'accept' }, doubts: [] }]);
  });

  it('names the file that would settle an ipset', () => {
    const step: FilterStep = {
      kind: 'ipset',
      set: 'pods',
      directions: ['src'],
      isNegated: false,
      text: '-m set --match-set pods src',
    };
    const asked = evaluateChain(makePlace({ main: [[step, drop]] }), makePacket());
    expect(asked.map(({ doubts }) => doubts[0]?.missing?.path)).toEqual(['ipset.txt', 'ipset.txt']);
    const evidence = { path: 'ipset.txt' };
    const pods = { evidence, name: 'pods', type: 'hash:ip', family: 4 as const };
    const known = makePlace(
      { main: [[step, drop]] },
      { ipsets: [{ ...pods, members: [{ text: '10.0.0.1', isException: false }] }] },
    );
    expect(evaluateChain(known, makePacket())).toMatchObject([{ verdict: { kind: 'drop' }, doubts: [] }]);
  });

  it('tells of what decided, and of no jump that did nothing', () => {
    const outcomes = evaluateChain(
      makePlace({ main: [[jump('a')], [jump('b')]], a: [[numberMatch('mark', 9), drop]], b: [[drop]] }),
      makePacket(),
    );
    expect(outcomes[0]?.deciders.map(({ did, rule }) => `${rule?.at ?? 'policy'} ${did}`)).toEqual([
      'L1002 jumps to b',
      'L3001 drops',
    ]);
  });
});
