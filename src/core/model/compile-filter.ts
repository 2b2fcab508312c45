// From the dumps of a namespace's packet filter to the program that its kernel runs. In: the facts and a family. Out: the
// base chains of each hook in their order, or the reason why nothing is known. The same facts give the same program.
import { present } from '../fact/known.ts';
import type { Known } from '../fact/known.ts';
import type { Family } from '../net/address.ts';
import type { FilterFacts, FilterHook } from '../snapshot/filter-facts.ts';
import { chooseTables } from './filter/choose-tables.ts';
import type { ChosenTable } from './filter/choose-tables.ts';
import type { FilterProgram, ProgramChain } from './filter-program.ts';

const compiled = new WeakMap<FilterFacts, Map<Family, Known<FilterProgram>>>();

export function compileFilter(facts: FilterFacts, family: Family): Known<FilterProgram> {
  let byFamily = compiled.get(facts);
  if (byFamily === undefined) compiled.set(facts, (byFamily = new Map<Family, Known<FilterProgram>>()));
  let program = byFamily.get(family);
  if (program === undefined) byFamily.set(family, (program = build(facts, family)));
  return program;
}

function build(facts: FilterFacts, family: Family): Known<FilterProgram> {
  const chosen = chooseTables(facts, family);
  if (!chosen.known) return chosen;
  const hooks = new Map<FilterHook, ProgramChain[]>();
  const bridgeHooks = new Map<FilterHook, ProgramChain[]>();
  const deviceHooks = new Map<FilterHook, ProgramChain[]>();
  const { tables, gaps } = chosen.value;
  const { evidence } = chosen;
  const program: FilterProgram = { hooks, bridgeHooks, deviceHooks, evidence, ipsets: facts.ipsets, gaps };
  for (const { table, path } of tables.filter((one) => !one.table.isDormant)) {
    const owner = { table, path, program };
    const kind = table.family === 'bridge' ? bridgeHooks : table.family === 'netdev' ? deviceHooks : hooks;
    for (const chain of table.chains.values()) enterBaseChain(kind, { owner, chain });
  }
  for (const kind of [hooks, bridgeHooks, deviceHooks])
    for (const chains of kind.values()) chains.sort(compareChains);
  return present(program, evidence);
}

function enterBaseChain(hooks: Map<FilterHook, ProgramChain[]>, place: ProgramChain): void {
  const { base } = place.chain;
  if (base === undefined) return;
  const chains = hooks.get(base.hook);
  if (chains === undefined) hooks.set(base.hook, [place]);
  else chains.unshift(place);
}

/**
 * Where priorities are equal, the hook that was registered last runs first (6.12 netfilter/core.c, nf_hook_entries_grow;
 * measured on 6.18). A listing names tables and chains in the order of their creation, so chains are entered last first.
 * When a legacy table was registered no dump tells: it is taken to be younger than what nf_tables holds.
 */
function compareChains(a: ProgramChain, b: ProgramChain): number {
  const byPriority = (a.chain.base?.priority ?? 0) - (b.chain.base?.priority ?? 0);
  if (byPriority !== 0) return byPriority;
  return Number(isNfTables(a.owner)) - Number(isNfTables(b.owner));
}

function isNfTables({ table }: Pick<ChosenTable, 'table'>): boolean {
  return table.origin !== 'iptables-legacy';
}
