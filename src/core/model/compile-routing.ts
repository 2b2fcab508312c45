// From a namespace's rules and routes to the form that lookups walk.
// In: the facts of one namespace. Out: its Routing for one family. The same facts give the same object again, and a
// table whose routes did not change is taken over, so that trying a change costs the tables it touches.
import type { Missing } from '../fact/known.ts';
import { ipv4Value } from '../net/address.ts';
import type { Family } from '../net/address.ts';
import { findPrefix4 } from '../net/prefix-table.ts';
import type { LinkFact, NamespaceFacts, NexthopFact, RouteFact } from '../snapshot/namespace-facts.ts';
import { isOnForAllOrDevice, readDeviceSetting } from './device-settings.ts';
import { areDefaultRules, compileRules, nameTable } from './host/routing-rules.ts';
import { compileTable } from './host/routing-table.ts';
import { gatewayKey, ruleSelectors } from './routing.ts';
import type { GatewayReachability, NexthopState, Routing, RoutingRule, RoutingTable } from './routing.ts';

const compiled = new WeakMap<NamespaceFacts, Map<Family, Routing>>();

/** Tables by their first route, with what else they were made from. */
interface CompiledTable {
  readonly facts: readonly RouteFact[];
  readonly sysctls: NamespaceFacts['sysctls'];
  readonly table: RoutingTable;
}
const compiledTables = new WeakMap<RouteFact, CompiledTable>();

export function compileRouting(facts: NamespaceFacts, family: Family): Routing {
  let byFamily = compiled.get(facts);
  if (byFamily === undefined) compiled.set(facts, (byFamily = new Map<Family, Routing>()));
  let routing = byFamily.get(family);
  if (routing === undefined) byFamily.set(family, (routing = build(facts, family)));
  return routing;
}

function build(facts: NamespaceFacts, family: Family): Routing {
  const rules = facts.rules[family];
  const routes = facts.routes[family];
  const tables = routes.known ? compileTables(facts, family, routes.value) : new Map<string, RoutingTable>();
  const links = facts.links.known ? new Map(facts.links.value.map((link) => [link.name, link])) : facts.links;
  const knownLinks = isMissing(links) ? undefined : links;
  const loopback = nameLoopback(knownLinks);
  const compiledRules = rules.known ? compileRules(rules.value, tables, knownLinks) : [];
  const isAmbiguous = family === 4 && hasOnlyDefaultRules(facts);
  return {
    family,
    rules: compiledRules,
    missingRules: rules.known ? undefined : rules,
    missingRoutes: routes.known ? undefined : routes,
    tables,
    merged: isAmbiguous ? mergeTables(facts, tables) : undefined,
    reachability: family === 6 ? judgeReachability(facts) : { kind: 'ignored' },
    links,
    readsTransport: compiledRules.some((rule) => readsTransport(rule) && rule.fact.inputLink !== loopback),
    loopback,
  };
}

function readsTransport(rule: RoutingRule): boolean {
  const transport = ruleSelectors.protocol | ruleSelectors.sourcePorts | ruleSelectors.destinationPorts;
  return (rule.selectors & transport) !== 0;
}

/** Whether the IPv4 rules are those of a namespace to which nobody ever added one. */
export function hasOnlyDefaultRules(facts: NamespaceFacts): boolean {
  const rules = facts.rules[4];
  return rules.known && areDefaultRules(rules.value);
}

function isMissing(value: ReadonlyMap<string, LinkFact> | Missing): value is Missing {
  return 'known' in value;
}

function nameLoopback(links: ReadonlyMap<string, LinkFact> | undefined): string {
  for (const link of links?.values() ?? []) {
    if (link.kind === 'loopback') return link.name;
  }
  return 'lo';
}

function compileTables(
  facts: NamespaceFacts,
  family: Family,
  routes: readonly RouteFact[],
): Map<string, RoutingTable> {
  const byTable = new Map<string, RouteFact[]>();
  for (const route of routes) {
    const name = nameTable(route.table);
    const rows = byTable.get(name);
    if (rows === undefined) byTable.set(name, [route]);
    else rows.push(route);
  }
  const tables = new Map<string, RoutingTable>();
  for (const [name, rows] of byTable) tables.set(name, takeOrCompile(facts, family, name, rows));
  return tables;
}

function takeOrCompile(
  facts: NamespaceFacts,
  family: Family,
  name: string,
  rows: readonly RouteFact[],
): RoutingTable {
  const first = rows[0];
  const found = first === undefined ? undefined : compiledTables.get(first);
  if (found !== undefined && found.sysctls === facts.sysctls && sameRows(found.facts, rows))
    return found.table;
  const table = compileTable(name, family, rows, (nexthop) => judgeNexthop(facts, family, nexthop));
  if (first !== undefined) compiledTables.set(first, { facts: rows, sysctls: facts.sysctls, table });
  return table;
}

function sameRows(a: readonly RouteFact[], b: readonly RouteFact[]): boolean {
  return a.length === b.length && a.every((row, index) => row === b[index]);
}

function judgeNexthop(facts: NamespaceFacts, family: Family, nexthop: NexthopFact): NexthopState {
  if (nexthop.flags.includes('dead')) return 'dead';
  if (!nexthop.flags.includes('linkdown')) return 'usable';
  const isIgnored = isOnForAllOrDevice(facts, family, nexthop.link ?? '', 'ignore_routes_with_linkdown');
  if (!isIgnored.known) return isIgnored;
  return isIgnored.value ? 'dead' : 'usable';
}

/**
 * Linux keeps local and main in one trie until the first rule is added (6.12 fib_trie.c, fib_unmerge), and until then
 * passes errors of main on to the default table (ip_fib.h, fib_lookup). Dumps do not show it, so the merged table is
 * made where an answer could depend on it.
 */
function mergeTables(
  facts: NamespaceFacts,
  tables: ReadonlyMap<string, RoutingTable>,
): RoutingTable | undefined {
  const local = tables.get('local');
  const main = tables.get('main');
  if (!mayDiffer(local?.routes ?? [], main?.routes ?? [], tables.get('default')?.routes ?? [])) {
    if (local === undefined || main === undefined || !coversLonger(local, main)) return undefined;
  }
  const rows = [...(local?.routes ?? []), ...(main?.routes ?? [])];
  return compileTable('main', 4, rows, (nexthop) => judgeNexthop(facts, 4, nexthop));
}

/** Whether a throw in local, a local route in main, or an error that the default table could override makes them differ. */
function mayDiffer(
  local: readonly RouteFact[],
  main: readonly RouteFact[],
  fallback: readonly RouteFact[],
): boolean {
  const isError = (route: RouteFact): boolean =>
    ['blackhole', 'unreachable', 'prohibit'].includes(route.type);
  if (local.some((route) => route.type === 'throw')) return true;
  if (main.some((route) => route.type === 'local')) return true;
  return fallback.length > 0 && (local.some(isError) || main.some(isError));
}

/** Whether a route of main is more specific than one of local, or as specific with another TOS. */
function coversLonger(local: RoutingTable, main: RoutingTable): boolean {
  return main.routes.some((route) => {
    let prefix = findPrefix4(local.prefixes, ipv4Value(route.destination.address));
    while (prefix >= 0) {
      if ((local.groupLength[prefix] ?? 0) <= route.destination.length) return true;
      prefix = local.prefixes.covers[prefix] ?? -1;
    }
    return false;
  });
}

function judgeReachability(facts: NamespaceFacts): GatewayReachability {
  const forwarding = readDeviceSetting(facts, 6, 'all', 'forwarding');
  if (forwarding.known && forwarding.value !== 0) return { kind: 'ignored' };
  if (!facts.neighbors.known) return { kind: 'unknown', missing: facts.neighbors };
  const failed = facts.neighbors.value.filter((neighbor) => neighbor.states.includes('FAILED'));
  if (failed.length === 0) return { kind: 'ignored' };
  if (!forwarding.known) return { kind: 'unknown', missing: forwarding };
  return {
    kind: 'considered',
    failed: new Set(failed.map((neighbor) => gatewayKey(neighbor.link, neighbor.address))),
  };
}
