// Namespace facts made up by fast-check: rules and routes over a small space of addresses, links that are there or not.
import fc from 'fast-check';
import { missing, present } from '../../src/core/fact/known.ts';
import { parseAddress } from '../../src/core/net/address.ts';
import type { Address, Family } from '../../src/core/net/address.ts';
import { makePrefix } from '../../src/core/net/prefix.ts';
import type { Prefix } from '../../src/core/net/prefix.ts';
import type {
  LinkFact,
  NamespaceFacts,
  NexthopFact,
  RouteFact,
  RuleAction,
  RuleFact,
  SysctlFact,
} from '../../src/core/snapshot/namespace-facts.ts';
import type { RouteQuery } from '../../src/core/trace/lookup.ts';

const evidence = { path: 'generated' };
const linkNames = ['lo', 'eth0', 'cni0', 'tailscale0'] as const;
const tableNames = ['local', 'main', 'default', '52'] as const;

/** There once in `outOf` times. */
function maybe<T>(arbitrary: fc.Arbitrary<T>, outOf = 3): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: outOf - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

function addressOf(family: Family): fc.Arbitrary<Address> {
  const parts = fc.tuple(
    fc.integer({ min: 0, max: 2 }),
    fc.integer({ min: 0, max: 3 }),
    fc.constantFrom(0, 1, 2, 128, 255),
  );
  return parts.map(([a, b, c]) => {
    const text = family === 4 ? `10.${a}.${b}.${c}` : `fd00:${a}:${b}::${c.toString(16)}`;
    return parseAddress(text)!;
  });
}

export function prefixOf(family: Family): fc.Arbitrary<Prefix> {
  const lengths = family === 4 ? [0, 8, 14, 16, 24, 24, 25, 32] : [0, 16, 32, 32, 48, 64, 128];
  return fc
    .tuple(addressOf(family), fc.constantFrom(...lengths))
    .map(([address, length]) => makePrefix(address, length));
}

function nexthopOf(family: Family): fc.Arbitrary<NexthopFact> {
  return fc
    .record({
      link: fc.constantFrom(...linkNames),
      gateway: maybe(addressOf(family)),
      weight: fc.constant(1),
      flags: fc.constantFrom<readonly string[]>([], [], [], ['onlink'], ['linkdown'], ['dead', 'linkdown']),
    })
    .map((nexthop) => withoutUndefined(nexthop));
}

function withoutUndefined<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}

const routeTypes = [
  'unicast',
  'unicast',
  'unicast',
  'unicast',
  'local',
  'broadcast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'opaque',
] as const;

export function routeOf(family: Family): fc.Arbitrary<RouteFact> {
  return fc
    .record({
      evidence: fc.constant(evidence),
      family: fc.constant(family),
      type: fc.constantFrom(...routeTypes),
      destination: prefixOf(family),
      table: fc.constantFrom(...tableNames),
      scope: fc.constantFrom('global', 'link'),
      metric: fc.constantFrom(0, 0, 5, 100),
      tos: fc.constantFrom(...(family === 4 ? [0, 0, 0, 0x10] : [0])),
      nexthops: fc.array(nexthopOf(family), { minLength: 1, maxLength: 2 }),
      nexthopId: family === 4 ? maybe(fc.integer({ min: 1, max: 3 }), 6) : fc.constant(undefined),
      preference: family === 6 ? maybe(fc.constantFrom('low', 'medium', 'high')) : fc.constant(undefined),
    })
    .map((route) => withoutUndefined<RouteFact>(route));
}

const actions: fc.Arbitrary<RuleAction> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(...tableNames).map((table): RuleAction => ({ kind: 'lookup', table })),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<RuleAction>(
      { kind: 'nop' },
      { kind: 'unreachable' },
      { kind: 'prohibit' },
      { kind: 'blackhole' },
    ),
  },
  { weight: 1, arbitrary: fc.constant<RuleAction>({ kind: 'opaque', text: 'nat 192.0.2.1' }) },
);

const range = fc.tuple(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 500 })).map(([a, b]) => ({
  from: Math.min(a, b),
  to: Math.max(a, b),
}));

export function ruleOf(family: Family): fc.Arbitrary<RuleFact> {
  const priorities = [0, 100, 100, 5210, 5270, 32766, 32767];
  return fc
    .record({
      evidence: fc.constant(evidence),
      family: fc.constant(family),
      priority: fc.constantFrom(...priorities),
      isInverted: fc.constantFrom(false, false, false, true),
      from: maybe(prefixOf(family)),
      to: maybe(prefixOf(family)),
      inputLink: maybe(fc.constantFrom(...linkNames), 6),
      outputLink: maybe(fc.constantFrom(...linkNames), 8),
      mark: maybe(fc.constantFrom({ value: 0x80000, mask: 0xff0000 }, { value: 1, mask: 0xffffffff }), 6),
      tos: maybe(fc.constantFrom(0x10, 0x08), 8),
      dscp: maybe(fc.constantFrom(4, 46), 8),
      ipProtocol: maybe(fc.constantFrom(6, 17), 8),
      sourcePorts: maybe(range, 8),
      destinationPorts: maybe(range, 8),
      uids: maybe(range, 8),
      isL3mdev: maybe(fc.constant(true), 12),
      action: actions,
      suppressPrefixLength: maybe(fc.constantFrom(0, 8, 24), 6),
      suppressGroup: maybe(fc.constantFrom('default', '7'), 8),
      opaqueSelectors: fc.constantFrom<readonly string[]>([], [], [], [], [], [], ['tun_id 5']),
    })
    .chain((rule) =>
      // The kernel takes only gotos that lead onwards.
      fc
        .tuple(fc.integer({ min: 0, max: 9 }), fc.constantFrom(...priorities, 6000))
        .map(([dice, target]) =>
          dice === 0 && target > rule.priority
            ? { ...rule, action: { kind: 'goto' as const, priority: target } }
            : rule,
        ),
    )
    .chain((rule) => fc.tuple(fc.constant(rule), fc.constantFrom(true, undefined, undefined)))
    .map(([rule, isGone]) =>
      withoutUndefined<RuleFact>({
        ...rule,
        isInputDetached: rule.inputLink === undefined ? undefined : isGone,
        isOutputDetached: rule.outputLink === undefined ? undefined : isGone,
      }),
    );
}

const links: readonly LinkFact[] = linkNames.map((name, position) => ({
  evidence,
  index: position + 1,
  name,
  kind: name === 'lo' ? 'loopback' : 'veth',
  flags: ['UP'],
  group: name === 'eth0' ? '7' : 'default',
}));

export function factsOf(family: Family): fc.Arbitrary<NamespaceFacts> {
  const settings = fc.array(fc.constantFrom('0', '1'), { minLength: 5, maxLength: 5 });
  return fc
    .tuple(fc.array(ruleOf(family), { maxLength: 9 }), fc.array(routeOf(family), { maxLength: 25 }), settings)
    .map(([rules, routes, values]) => makeFacts(family, rules, routes, ignoreLinkdown(family, values)));
}

function ignoreLinkdown(family: Family, values: readonly string[]): ReadonlyMap<string, SysctlFact> {
  return new Map(
    ['all', ...linkNames].map((link, position) => [
      `net.ipv${family}.conf.${link}.ignore_routes_with_linkdown`,
      { evidence, value: values[position] ?? '0' },
    ]),
  );
}

export function makeFacts(
  family: Family,
  rules: readonly RuleFact[],
  routes: readonly RouteFact[],
  sysctls: ReadonlyMap<string, SysctlFact>,
): NamespaceFacts {
  const other = missing('not-collected', 'generated');
  const both = <T>(value: T): { 4: T; 6: T } => ({ 4: value, 6: value });
  return {
    path: 'generated',
    links: present(links, evidence),
    addresses: present([], evidence),
    rules: { ...both(other), [family]: present(rules, evidence) },
    routes: { ...both(other), [family]: present(routes, evidence) },
    neighbors: present([], evidence),
    fdb: present([], evidence),
    sysctls: present(sysctls, evidence),
    sockets: other,
    resolver: other,
    hosts: other,
  };
}

export function queryOf(family: Family): fc.Arbitrary<RouteQuery> {
  return fc
    .record({
      to: addressOf(family),
      from: maybe(addressOf(family), 2),
      mark: fc.constantFrom(0, 0, 1, 0x80000, 0x84000),
      inputLink: maybe(fc.constantFrom('eth0', 'cni0', 'tailscale0'), 2),
      outputLink: maybe(fc.constantFrom(...linkNames), 5),
      tos: fc.constantFrom(0, 0, 0x08, 0x10, 0xb8),
      ipProtocol: fc.constantFrom(6, 17, 1),
      sourcePort: fc.integer({ min: 0, max: 500 }),
      destinationPort: fc.integer({ min: 0, max: 500 }),
      uid: fc.integer({ min: 0, max: 500 }),
    })
    .map((query) => (query.inputLink === undefined ? query : { ...query, outputLink: undefined }))
    .map((query) => withoutUndefined<RouteQuery>(query));
}
