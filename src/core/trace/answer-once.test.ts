import { expect, test } from 'vitest';
import type { Namespace } from '../model/network.ts';
import type { Address } from '../net/address.ts';
import { answerOnce } from './answer-once.ts';
import type { RouteQuery } from './lookup.ts';

const query: RouteQuery = { to: '10.42.1.7' as Address, mark: 0, tos: 0, ipProtocol: 6 };
// Only their identity counts here.
const here = {} as Namespace;
const there = {} as Namespace;

function makeCounted(): { ask: (namespace: Namespace, query: RouteQuery) => object; asked: RouteQuery[] } {
  const asked: RouteQuery[] = [];
  const ask = answerOnce((_namespace, given) => {
    asked.push(given);
    return { number: asked.length };
  });
  return { ask, asked };
}

test('the same question of the same namespace is worked out once', () => {
  const { ask, asked } = makeCounted();
  const first = ask(here, query);
  expect(ask(here, { ...query })).toBe(first);
  expect(asked).toHaveLength(1);
  expect(ask(there, query)).not.toBe(first);
});

test.each<[string, Partial<RouteQuery>]>([
  ['to', { to: '10.42.1.8' as Address }],
  ['from', { from: '10.42.1.8' as Address }],
  ['mark', { mark: 1 }],
  ['inputLink', { inputLink: 'cni0' }],
  ['outputLink', { outputLink: 'cni0' }],
  ['tos', { tos: 4 }],
  ['ipProtocol', { ipProtocol: 17 }],
  ['sourcePort', { sourcePort: 0 }],
  ['destinationPort', { destinationPort: 0 }],
  ['uid', { uid: 0 }],
])('another %s is another question', (_field, change) => {
  const { ask, asked } = makeCounted();
  ask(here, query);
  ask(here, { ...query, ...change });
  expect(asked).toHaveLength(2);
});
