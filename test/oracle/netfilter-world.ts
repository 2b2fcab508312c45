// A generated packet filter: which programs wrote into which back end, and what was added by hand. In: a seed. Out: the
// texts that the tools restore, in order, and the router's extras.
import { makeSets, writeRandomRules } from './netfilter-iptables.ts';
import { makeNftRuleset } from './netfilter-nftables.ts';
import { makeFirewalldTable, makeKubeProxyTable, makePortmapTable } from './netfilter-nft-programs.ts';
import {
  writeDocker,
  writeFlannel,
  writeKubeProxy,
  writeKubeRouter,
  writePortmap,
  writeTailscale,
  writeUfw,
} from './netfilter-programs.ts';
import { createTables } from './netfilter-tables.ts';
import type { Extras } from './netfilter-topology.ts';
import { rollDice } from './random.ts';
import type { Dice } from './random.ts';

export interface FilterPart {
  /** Takes the text on its standard input. */
  readonly command: string;
  readonly text: string;
}

export interface FilterWorld {
  readonly seed: number;
  readonly extras: Extras;
  readonly parts: readonly FilterPart[];
}

type Backend = 'legacy' | 'nft';

type Style = 'programs' | 'random' | 'mixture' | 'native';

export function makeFilterWorld(seed: number): FilterWorld {
  const dice = rollDice(seed);
  const extras = { hasBridgeFilter: dice.chance(0.5), hasMarkRoute: dice.chance(0.4) };
  const style = dice.pick<Style>([
    'programs',
    'programs',
    'random',
    'random',
    'mixture',
    'mixture',
    'native',
  ]);
  const parts = style === 'native' ? [] : makeIptables(dice, style);
  const native = makeNative(dice, style);
  if (native !== '')
    parts.splice(dice.chance(0.3) ? 0 : parts.length, 0, { command: 'nft -f -', text: native });
  return { seed, extras, parts: [...parts.filter((part) => !isLegacy(part)), ...parts.filter(isLegacy)] };
}

function makeIptables(dice: Dice, style: Style): FilterPart[] {
  const first: Backend = dice.pick(['legacy', 'nft', 'nft']);
  const second: Backend = first === 'nft' ? 'legacy' : 'nft';
  const backends = style === 'mixture' && dice.chance(0.5) ? [first, second] : [first];
  const sets = { 4: makeSets(dice, 4), 6: makeSets(dice, 6) };
  const ipsets = [...sets[4].lines, ...sets[6].lines];
  const restores = backends.flatMap((backend, index) =>
    ([4, 6] as const).flatMap((version) => {
      const tables = createTables();
      const scope = { dice, version, tables, sets: sets[version].sets };
      if (style !== 'random') writePrograms({ ...scope, ipsets: index === 0 ? ipsets : [] }, index === 0);
      if (style !== 'programs') writeRandomRules({ ...scope, prefix: `${backend}${index}` });
      const command = `ip${version === 6 ? '6' : ''}tables-${backend}-restore`;
      return tables.isEmpty() ? [] : [{ command, text: tables.write() }];
    }),
  );
  return [{ command: 'ipset -exist restore', text: `${ipsets.join('\n')}\n` }, ...restores];
}

/** What of two back ends was there first no dump tells; waylaid takes the legacy tables for the younger ones. */
function isLegacy({ command }: FilterPart): boolean {
  return command.includes('legacy');
}

function writePrograms(scope: Parameters<typeof writeKubeProxy>[0], isFirst: boolean): void {
  const { dice } = scope;
  const programs = [writeDocker, writeUfw, writeKubeProxy, writePortmap, writeFlannel, writeTailscale];
  const chances = [0.35, 0.3, isFirst ? 0.8 : 0.2, 0.4, 0.6, 0.7];
  const chosen = programs.filter((_, index) => dice.chance(chances[index] ?? 0));
  // Who started last stands in front.
  const order = dice.chance(0.5) ? chosen : [...chosen].reverse();
  for (const write of order) write(scope);
  if (isFirst && dice.chance(0.6)) writeKubeRouter(scope);
}

function makeNative(dice: Dice, style: Style): string {
  if (style === 'random') return '';
  if (style === 'native') return makeNftRuleset(dice, [4, 6]);
  const tables: string[] = [];
  if (dice.chance(0.3)) tables.push(makeFirewalldTable(dice));
  if (style === 'programs' && dice.chance(0.25))
    tables.push(makeKubeProxyTable(dice, 4), makeKubeProxyTable(dice, 6));
  if (dice.chance(0.2)) tables.push(makePortmapTable(dice, 4), makePortmapTable(dice, 6));
  if (style === 'mixture' && dice.chance(0.6)) tables.push(makeNftRuleset(dice, [4, 6]));
  return tables.join('\n');
}
