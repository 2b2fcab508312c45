// What a base chain does with a packet, rule by rule: the verdicts of nft_do_chain and ipt_do_table, forks, doubts and
// their joining. Rules are given as steps; reading them from text is tested where they are read.
import { describe, expect, it, vi } from 'vitest';
import type { FilterStep } from '../../snapshot/netfilter/rule-steps.ts';
import { evaluateChain } from './evaluate-chain.ts';
import { addressMatch, makePlace, makePacket, numberMatch } from '../../../../test/oracle/made-chain.ts';

vi.mock('../../snapshot/netfilter/parse-filter-rule.ts', async () => {
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
});
