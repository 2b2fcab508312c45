// What Cilium's policy maps say about a packet, and where they do not say enough.
import { expect, test } from 'vitest';
import { missing, present } from '../fact/known.ts';
import type { CiliumEndpoint, CiliumPolicyEntry, PolicyEnforcement } from '../snapshot/datapath-facts.ts';
import { judgeCiliumPolicy } from './cilium-policy.ts';

const evidence = { path: 'nodes/n1/cilium-bpf-policy.json', at: '/0/Content/0' };

function endpoint(enforcement?: PolicyEnforcement): CiliumEndpoint {
  return {
    evidence: { path: 'nodes/n1/cilium-endpoint-list.json', at: '/0' },
    id: 33,
    pod: 'shop/api-1',
    addresses: [],
    ...(enforcement === undefined ? {} : { enforcement }),
  };
}

function entry(more: Partial<CiliumPolicyEntry> = {}): CiliumPolicyEntry {
  return {
    evidence,
    identity: 0,
    direction: 'ingress',
    protocol: 0,
    ports: { from: 0, to: 65535 },
    isDeny: false,
    proxyPort: 0,
    ...more,
  };
}

const query = { direction: 'ingress', identity: 24121, protocol: 6, port: 8080 } as const;

function judge(
  entries: readonly CiliumPolicyEntry[],
  enforcement: PolicyEnforcement | undefined = 'both',
): string {
  const map = present([{ endpoint: 33, entries }], { path: evidence.path });
  const answer = judgeCiliumPolicy(map, endpoint(enforcement), query);
  return answer.kind === 'unknown' ? answer.needs : answer.kind;
}

const exact = { identity: 24121, protocol: 6, ports: { from: 8080, to: 8080 } };

test.each<readonly [string, readonly CiliumPolicyEntry[], string]>([
  ['no entry', [], 'denied'],
  ['an entry for any peer', [entry()], 'allowed'],
  ['an entry for this peer and port', [entry(exact)], 'allowed'],
  ['an entry for another peer', [entry({ ...exact, identity: 9 })], 'denied'],
  ['an entry for another port', [entry({ ...exact, ports: { from: 80, to: 80 } })], 'denied'],
  ['an entry for another protocol', [entry({ ...exact, protocol: 17 })], 'denied'],
  ['an entry for the other direction', [entry({ direction: 'egress' })], 'denied'],
  ['an entry that denies', [entry({ ...exact, isDeny: true })], 'denied'],
  ['entries that disagree', [entry(), entry({ ...exact, isDeny: true })], 'precedence'],
  ['an entry by way of a proxy', [entry({ ...exact, proxyPort: 15001 })], 'proxy'],
])('%s: %s', (_, entries, expected) => {
  expect(judge(entries)).toBe(expected);
});

test('a direction without enforcement lets everything pass, whatever the map holds', () => {
  expect(judge([], 'none')).toBe('allowed');
  expect(judge([], 'egress')).toBe('allowed');
  expect(judgeCiliumPolicy(undefined, endpoint('none'), query).kind).toBe('allowed');
});

test('without the map, or with a peer that nobody knows, it is open', () => {
  const absent = missing('not-collected', evidence.path);
  expect(judgeCiliumPolicy(absent, endpoint('both'), query)).toEqual({ kind: 'unknown', needs: 'policies' });
  const map = present([{ endpoint: 33, entries: [entry(exact)] }], { path: evidence.path });
  const unknownPeer = { ...query, identity: undefined };
  expect(judgeCiliumPolicy(map, endpoint('both'), unknownPeer)).toEqual({
    kind: 'unknown',
    needs: 'identity',
  });
});

test('an empty map denies only where policy is known to be enforced', () => {
  const map = present([{ endpoint: 33, entries: [] }], { path: evidence.path });
  expect(judgeCiliumPolicy(map, endpoint(), query)).toEqual({ kind: 'unknown', needs: 'precedence' });
});
