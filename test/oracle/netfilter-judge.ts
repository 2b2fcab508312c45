// Sends flows through one world of the netfilter oracle and counts where waylaid and the kernel part. In: a packet filter and
// flows. Out: a tally that grows from world to world.
import { spawnSync } from 'node:child_process';
import { release } from 'node:os';
import { buildNetwork } from '../../src/core/model/build-network.ts';
import { makeFile, snapshotOf } from '../evidence/make-file.ts';
import { compareFlow } from './netfilter-compare.ts';
import { describeFlow, runFlows } from './netfilter-flows.ts';
import type { OracleFlow } from './netfilter-flows.ts';
import { startFilter } from './netfilter-kernel.ts';
import type { FilterWorld } from './netfilter-world.ts';

/** Why the namespaces cannot be made here. */
export function findObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux, whose packet filter it compares with';
  const tools = 'iptables-nft -V && iptables-legacy -V && nft -v && ipset -v && python3 -V && ip -V';
  const tried = spawnSync('unshare', ['-n', 'sh', '-c', tools], { encoding: 'utf8', timeout: 10_000 });
  return tried.status === 0 ? undefined : 'needs root, iptables, nftables, ipset, iproute2 and Python';
}

export interface Tally {
  flows: number;
  readonly differences: string[];
  readonly unknown: string[];
  /** Rules that no tool took. */
  readonly refused: string[];
  readonly fates: Map<string, number>;
}

export function emptyTally(): Tally {
  return { flows: 0, differences: [], unknown: [], refused: [], fates: new Map() };
}

export async function judgeFlows(
  world: FilterWorld,
  flows: readonly OracleFlow[],
  tally: Tally,
): Promise<void> {
  const live = await startFilter(world);
  const observed = await runFlows(live, flows).finally(live.end);
  const name = `seed ${world.seed}`;
  tally.refused.push(...live.refused.map((line) => `${name}: ${line}`));
  const network = buildNetwork(snapshotOf(live.files.map(([path, text]) => makeFile(path, text))));
  const tolerance = { hasRandomPorts: world.parts.some((part) => part.text.includes('random')) };
  for (const [index, flow] of flows.entries()) {
    const seen = observed[index] ?? {};
    const fate = seen.refusal === undefined ? (seen.forward?.place.split(' ')[0] ?? 'lost') : 'refused';
    tally.fates.set(fate, (tally.fates.get(fate) ?? 0) + 1);
    const { text } = compareFlow(network, flow, { observed: seen, tolerance });
    if (text.startsWith('unknown')) tally.unknown.push(`${name} ${describeFlow(flow)}: ${text}`);
    else if (text !== 'same') tally.differences.push(`${name} ${describeFlow(flow)}: ${text}`);
  }
  tally.flows += flows.length;
}

export function printTally(name: string, tally: Tally): void {
  const { flows, differences, unknown, refused, fates } = tally;
  console.info(`${name}, on Linux ${release()}`);
  console.info(`  ${flows} flows, ${differences.length} differences, ${unknown.length} unknown`);
  console.info(`  ${[...fates].map(([fate, count]) => `${fate} ${count}`).join(', ')}`);
  console.info(`  ${refused.length} texts had lines that the tools did not take`);
  for (const line of unknown.slice(0, 10)) console.info(`  ${line}`);
}
