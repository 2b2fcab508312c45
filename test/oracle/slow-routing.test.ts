// The engine against the slow, literal implementation, on facts of every kind; and its two faces against each other.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Family } from '../../src/core/net/address.ts';
import { buildNamespace } from '../../src/core/model/host/build-namespace.ts';
import { compileRouting } from '../../src/core/model/compile-routing.ts';
import type { Namespace } from '../../src/core/model/network.ts';
import type { NamespaceFacts } from '../../src/core/snapshot/namespace-facts.ts';
import { makeFlowKey } from '../../src/core/trace/flow-key.ts';
import type { RouteAnswer, RouteQuery } from '../../src/core/trace/lookup.ts';
import { batchErrors, createBatchLookup, lookupRoute } from '../../src/core/trace/route-lookup.ts';
import { factsOf, queryOf } from './generated-facts.ts';
import { decideSlowly } from './slow-routing.ts';

function namespaceOf(facts: NamespaceFacts): Namespace {
  return buildNamespace(facts, { id: 'node/generated', machine: 'node/generated', isAssumed: false });
}

function inBrief(answer: ReturnType<typeof decideSlowly> | RouteAnswer): unknown {
  if (answer.kind === 'route') return { rule: answer.rule, route: answer.route };
  return answer.kind === 'error' ? answer.error : 'unknown';
}

const worlds = (family: Family): fc.Arbitrary<[NamespaceFacts, RouteQuery[]]> =>
  fc.tuple(factsOf(family), fc.array(queryOf(family), { minLength: 10, maxLength: 20 }));

describe.each([4, 6] as const)('IPv%i routing', (family) => {
  it('decides as the slow implementation does', () => {
    fc.assert(
      fc.property(worlds(family), ([facts, queries]) => {
        const namespace = namespaceOf(facts);
        for (const query of queries) {
          expect(inBrief(lookupRoute(namespace, query))).toEqual(inBrief(decideSlowly(facts, query)));
        }
      }),
      { numRuns: 400 },
    );
  });

  it('decides in bulk as one by one', () => {
    fc.assert(
      fc.property(worlds(family), ([facts, queries]) => {
        const namespace = namespaceOf(facts);
        const batch = createBatchLookup(namespace, family);
        const { loopback } = compileRouting(facts, family);
        // Often enough with the same rules that the answers come from a table of intervals.
        for (const kind of queries.slice(0, 4)) {
          const asked = queries.map(({ to }) => ({ ...kind, to }));
          for (const query of [...asked, ...asked, ...asked]) {
            const number = batch.lookup(makeFlowKey(query, loopback));
            const answer = lookupRoute(namespace, query);
            if (answer.kind === 'route') expect(batch.routes[number]).toBe(answer.route);
            else expect(number).toBe(numberOf(answer));
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('names each rule it met, in order, and ends with the one that decided', () => {
    fc.assert(
      fc.property(worlds(family), ([facts, queries]) => {
        for (const query of queries) {
          const answer = lookupRoute(namespaceOf(facts), query);
          const priorities = answer.steps.map((step) => step.rule.priority);
          expect(priorities).toEqual([...priorities].sort((a, b) => a - b));
          if (answer.kind === 'route') {
            expect(answer.steps.at(-1)).toEqual({
              rule: answer.rule,
              outcome: 'decided',
              route: answer.route,
            });
            expect(answer.nexthops.length).toBeGreaterThan(0);
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});

function numberOf(answer: Exclude<RouteAnswer, { kind: 'route' }>): number {
  if (answer.kind === 'unknown') return batchErrors.unknown;
  return {
    'net-unreachable': batchErrors.netUnreachable,
    'host-unreachable': batchErrors.hostUnreachable,
    prohibited: batchErrors.prohibited,
    blackhole: batchErrors.blackhole,
  }[answer.error];
}
