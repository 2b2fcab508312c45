// Compiling is remembered by the facts, and a change recompiles only the tables it touches.
import { describe, expect, it } from 'vitest';
import { present } from '../fact/known.ts';
import type { NamespaceFacts, RouteFact } from '../snapshot/namespace-facts.ts';
import { namespaceFrom } from '../../../test/oracle/written-namespace.ts';
import { compileRouting } from './compile-routing.ts';

const facts = namespaceFrom({
  'ip-rule-4.txt': '0: from all lookup local\n5270: from all lookup 52\n32766: from all lookup main',
  'ip-route-4.txt': `
    unicast 10.42.0.0/16 dev tailscale0 table 52 proto boot scope global
    unicast 100.64.0.2 dev tailscale0 table 52 proto boot scope global
    unicast default via 192.0.2.1 dev eth0 proto boot scope global
    unicast 10.42.2.0/24 via 10.42.2.0 dev flannel.1 proto boot scope global onlink`,
}).facts;

function withRoutes(change: (routes: readonly RouteFact[]) => readonly RouteFact[]): NamespaceFacts {
  const known = facts.routes[4];
  if (!known.known) throw new Error('the routes were not read');
  return { ...facts, routes: { ...facts.routes, 4: present(change(known.value), known.evidence) } };
}

describe('compileRouting', () => {
  it('gives the same object for the same facts', () => {
    expect(compileRouting(facts, 4)).toBe(compileRouting(facts, 4));
    expect(compileRouting(facts, 6)).not.toBe(compileRouting(facts, 4));
  });

  it('takes over the tables that a change leaves alone', () => {
    const before = compileRouting(facts, 4);
    const changed = withRoutes((routes) => routes.filter((route) => route.destination.length !== 16));
    const after = compileRouting(changed, 4);
    expect(after.tables.get('main')).toBe(before.tables.get('main'));
    expect(after.tables.get('52')).not.toBe(before.tables.get('52'));
    expect(after.tables.get('52')?.routes.map((route) => route.destination.address)).toEqual(['100.64.0.2']);
  });

  it('sees a route that was exchanged for an equal-looking one', () => {
    const before = compileRouting(facts, 4).tables.get('main');
    const changed = withRoutes((routes) =>
      routes.map((route) =>
        route.destination.length === 24 ? { ...route, type: 'blackhole' as const } : route,
      ),
    );
    expect(compileRouting(changed, 4).tables.get('main')).not.toBe(before);
  });

  it('keeps why rules or routes are missing', () => {
    const six = compileRouting(facts, 6);
    expect(six.missingRules?.reason).toBe('not-collected');
    expect(six.missingRoutes?.path).toContain('ip-route-6');
  });
});
