// Many lookups of one namespace, made cheap: where a great many flows fit the same rules, their answers depend on the
// destination alone, and one table of intervals holds them all. In: a Routing and the decision for one flow. Out: a lookup
// with the same answers. The table is made by deciding once for the first address of each interval that any table or any
// rule's `to` tells apart, so there is nothing in it that the decision did not say. It pays only after enough questions.
import { parsePrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { findPrefix4, findPrefix6 } from '../net/prefix-table.ts';
import type { PrefixTable } from '../net/prefix-table.ts';
import { cutByPrefixes, makeIntervalTable, mergeStarts } from '../net/interval-table.ts';
import { ruleSelectors } from '../model/routing.ts';
import type { Routing, RoutingRule } from '../model/routing.ts';
import { strictPrefixes } from './flow-key.ts';
import type { FlowKey } from './flow-key.ts';
import { fitsBesideDestination } from './rule-match.ts';

type Decide = (flow: FlowKey) => number;

/** Flows that fit the same rules. */
interface Profile {
  asked: number;
  table: PrefixTable | undefined;
}

/** A number has to hold one bit for each rule that looks at more than the destination. */
const mostProfiledRules = 28;
const mostProfiles = 64;

export function createFlatLookup(routing: Routing, decide: Decide): Decide {
  const profiled = routing.rules.filter((rule) => looksBesideDestination(rule));
  const hasSourceRoutes = [...routing.tables.values()].some((table) => table.groupSource !== undefined);
  if (profiled.length > mostProfiledRules || hasSourceRoutes) return decide;
  const enough = countIntervals(routing) / 4;
  const profiles = new Map<number, Profile>();
  const isFour = routing.family === 4;
  let lastKey = -1;
  let last: Profile = { asked: 0, table: undefined };
  return (flow) => {
    if (flow.outputLink !== undefined || (!isFour && flow.preferredLink !== undefined)) return decide(flow);
    const key = keyOfFlow(profiled, flow);
    if (key !== lastKey) {
      last = profileOf(profiles, key);
      lastKey = key;
    }
    const table = last.table;
    if (table === undefined) {
      if (++last.asked > enough) last.table = flatten(routing, decide, flow);
      return decide(flow);
    }
    return isFour ? findPrefix4(table, flow.to3) : findPrefix6(table, flow.to0, flow.to1, flow.to2, flow.to3);
  };
}

function looksBesideDestination(rule: RoutingRule): boolean {
  return (rule.selectors & ~(ruleSelectors.to | ruleSelectors.inverted | ruleSelectors.opaque)) !== 0;
}

/** Which rules fit but for the destination, and the TOS that routes may ask for. */
function keyOfFlow(profiled: readonly RoutingRule[], flow: FlowKey): number {
  let key = 0;
  for (let number = 0; number < profiled.length; number++) {
    key = key * 2 + (fitsBesideDestination(profiled[number] as RoutingRule, flow) ? 1 : 0);
  }
  return key * 8 + ((flow.tos >>> 2) & 7);
}

function profileOf(profiles: Map<number, Profile>, key: number): Profile {
  let profile = profiles.get(key);
  if (profile !== undefined) return profile;
  if (profiles.size >= mostProfiles) profiles.clear();
  profile = { asked: 0, table: undefined };
  profiles.set(key, profile);
  return profile;
}

function countIntervals(routing: Routing): number {
  let count = 0;
  for (const table of routing.tables.values()) count += table.prefixes.values.length;
  return count;
}

function flatten(routing: Routing, decide: Decide, like: FlowKey): PrefixTable {
  const starts = cutDestinations(routing);
  const flow = { ...like };
  const width = routing.family === 4 ? 1 : 4;
  const values = new Int32Array(starts.length / width);
  for (let interval = 0; interval < values.length; interval++) {
    const at = interval * width;
    if (width === 4) {
      flow.to0 = starts[at] as number;
      flow.to1 = starts[at + 1] as number;
      flow.to2 = starts[at + 2] as number;
    }
    flow.to3 = starts[at + width - 1] as number;
    values[interval] = decide(flow);
  }
  return makeIntervalTable(routing.family, starts, values);
}

/** Where any table, any rule's `to`, or the kernel's own regard for a destination changes. */
function cutDestinations(routing: Routing): Uint32Array {
  const told: Prefix[] = routing.rules.flatMap(({ fact }) => (fact.to === undefined ? [] : [fact.to]));
  if (routing.family === 6) {
    for (const text of strictPrefixes) told.push(parsePrefix(text) as Prefix);
  }
  let starts = cutByPrefixes(routing.family, told);
  for (const table of routing.tables.values()) {
    starts = mergeStarts(routing.family, starts, table.prefixes.starts);
  }
  return routing.merged === undefined
    ? starts
    : mergeStarts(routing.family, starts, routing.merged.prefixes.starts);
}
