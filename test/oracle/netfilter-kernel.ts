// Makes a world of the netfilter oracle in namespaces of its own and dumps it as a bundle holds it. In: a generated packet
// filter. Out: a running router with observers at its hooks, the bundle's files, and the lines that no tool took.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAgent } from './netfilter-agent.ts';
import type { Agent } from './netfilter-agent.ts';
import {
  openPorts,
  outside,
  pods,
  routerSettings,
  writeOutsideNetwork,
  writeRouterLinks,
  writeRouterNetwork,
} from './netfilter-topology.ts';
import type { Extras, PlaceName } from './netfilter-topology.ts';
import type { FilterPart, FilterWorld } from './netfilter-world.ts';

export interface LiveFilter {
  readonly agent: Agent;
  /** Of the bundle: path and content. */
  readonly files: readonly (readonly [string, string])[];
  /** Rules that could not be loaded: what the tool said. */
  readonly refused: readonly string[];
  /** Names of the router's devices by index. */
  readonly linkNames: ReadonlyMap<number, string>;
  readonly end: () => Promise<void>;
}

const networkDumps: readonly (readonly [string, string])[] = [
  ['ip-link.json', 'ip -j -d link'],
  ['ip-addr.json', 'ip -j -d addr'],
  ['ip-rule-4.json', 'ip -j -d -4 rule'],
  ['ip-rule-6.json', 'ip -j -d -6 rule'],
  ['ip-route-4.json', 'ip -j -d -4 route show table all'],
  ['ip-route-6.json', 'ip -j -d -6 route show table all'],
  ['ip-neigh.json', 'ip -j neigh'],
  ['bridge-fdb.json', 'bridge -j fdb'],
  ['bridge-link.json', 'bridge -j -d link'],
  ['ss.txt', 'ss -H -tulpn'],
];

const filterDumps: readonly (readonly [string, string])[] = [
  ['iptables-save.txt', 'iptables-nft-save -c'],
  ['ip6tables-save.txt', 'ip6tables-nft-save -c'],
  ['iptables-nft-save.txt', 'iptables-nft-save -c'],
  ['ip6tables-nft-save.txt', 'ip6tables-nft-save -c'],
  ['iptables-legacy-save.txt', 'iptables-legacy-save -c'],
  ['ip6tables-legacy-save.txt', 'ip6tables-legacy-save -c'],
  ['nft.json', 'nft -j list ruleset'],
  ['ipset.txt', 'ipset save'],
  ['conntrack.txt', 'conntrack -L -o extended'],
];

const settingsDump =
  "sysctl -a 2>/dev/null | grep -E '^net\\.(ipv[46]\\.(conf|ip_forward)|bridge|netfilter)'";

export async function startFilter(world: FilterWorld): Promise<LiveFilter> {
  const folder = await mkdtemp(join(tmpdir(), 'waylaid-netfilter-'));
  const agent = startAgent(folder);
  const end = async (): Promise<void> => {
    await agent.end();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await buildMachines(agent, folder, world.extras);
    await agent.serve(openPorts.tcp, openPorts.udp);
    const refused = await loadFilter(agent, folder, world.parts);
    const files = await dumpWorld(agent, folder);
    const linkNames = await readLinkNames(folder);
    await silenceOutside(agent);
    await observe(agent);
    return { agent, files, refused, linkNames, end };
  } catch (problem) {
    await end();
    throw problem;
  }
}

async function runBatch(
  agent: Agent,
  folder: string,
  place: PlaceName,
  lines: readonly string[],
): Promise<void> {
  const file = join(folder, `batch-${place}`);
  for (const [prefix, own] of [
    ['-4', lines.filter((line) => !line.startsWith('-6 '))],
    ['-6', lines.filter((line) => line.startsWith('-6 ')).map((line) => line.slice(3))],
  ] as const) {
    if (own.length === 0) continue;
    await writeFile(file, `${own.join('\n')}\n`);
    await agent.run(place, `ip ${prefix} -batch ${file}`);
  }
}

async function buildMachines(agent: Agent, folder: string, extras: Extras): Promise<void> {
  const paths = new Map<PlaceName, string>();
  for (const place of outside) paths.set(place.name, await agent.addNamespace(place.name));
  await agent.run('router', 'for f in all default; do echo 0 > /proc/sys/net/ipv6/conf/$f/accept_dad; done');
  await runBatch(agent, folder, 'router', writeRouterLinks(paths));
  const settings = routerSettings(extras).map(([path, value]) => `echo "${value}" > /proc/sys/net/${path}`);
  await agent.run(
    'router',
    `for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done\n${settings.join('\n')}\ntrue`,
  );
  await runBatch(agent, folder, 'router', writeRouterNetwork(extras));
  for (const place of outside) await runBatch(agent, folder, place.name, writeOutsideNetwork(place));
}

/** A tool names the line that it will not take; the world goes on without it, and says so. */
async function loadFilter(agent: Agent, folder: string, parts: readonly FilterPart[]): Promise<string[]> {
  const refused: string[] = [];
  for (const [index, part] of parts.entries()) {
    let lines = part.text.split('\n');
    for (let attempt = 0; attempt < 12; attempt++) {
      const file = join(folder, `part-${index}`);
      await writeFile(file, lines.join('\n'));
      const problem = await tryRun(agent, `${part.command} < ${file}`);
      if (problem === undefined) break;
      const bad = findBadLines(problem);
      refused.push(
        `${part.command}: ${problem.slice(0, 300)}: ${bad.map((line) => lines[line - 1] ?? '').join(' | ')}`,
      );
      if (bad.length === 0) break;
      lines = lines.map((line, number) => (bad.includes(number + 1) ? '' : line));
    }
  }
  return refused;
}

function findBadLines(problem: string): number[] {
  const found = [
    ...problem.matchAll(
      /(?:\/dev\/stdin|-):(\d+):\d+|[Ee]rror in line (\d+)|line:? (\d+) failed|occurred at line: (\d+)/g,
    ),
  ];
  return [...new Set(found.map((each) => Number(each[1] ?? each[2] ?? each[3] ?? each[4])))];
}

async function tryRun(agent: Agent, script: string): Promise<string | undefined> {
  try {
    await agent.run('router', script);
    return undefined;
  } catch (problem) {
    return problem instanceof Error ? problem.message : String(problem);
  }
}

async function dumpWorld(agent: Agent, folder: string): Promise<[string, string][]> {
  const write = (place: string, dumps: readonly (readonly [string, string])[]): string =>
    [
      ...dumps.map(([file, command]) => `${command} > ${place}-${file} 2>/dev/null`),
      `${settingsDump} > ${place}-sysctl.txt`,
      'true',
    ].join('\n');
  await agent.run('router', write('router', [...networkDumps, ...filterDumps]));
  const files: [string, string][] = [];
  const take = async (place: string, target: string, names: readonly string[]): Promise<void> => {
    for (const name of names)
      files.push([`${target}/${name}`, await readFile(join(folder, `${place}-${name}`), 'utf8')]);
  };
  const networkNames = [...networkDumps.map(([name]) => name), 'sysctl.txt'];
  await take('router', 'nodes/router', [...networkNames, ...filterDumps.map(([name]) => name)]);
  for (const place of outside) {
    await agent.run(
      place.name,
      write(
        place.name,
        networkDumps.filter(([name]) => name !== 'ss.txt'),
      ),
    );
    await take(
      place.name,
      place.folder,
      networkNames.filter((name) => name !== 'ss.txt'),
    );
    for (const [name] of filterDumps)
      files.push([`${place.folder}/${name}`, name === 'nft.json' ? '{"nftables":[]}' : '']);
  }
  return files;
}

async function readLinkNames(folder: string): Promise<ReadonlyMap<number, string>> {
  const rows = JSON.parse(await readFile(join(folder, 'router-ip-link.json'), 'utf8')) as {
    ifindex: number;
    ifname: string;
  }[];
  return new Map(rows.map((row) => [row.ifindex, row.ifname]));
}

/** Nobody outside may answer for itself: the oracle writes the answers. */
async function silenceOutside(agent: Agent): Promise<void> {
  const rules =
    'add table netdev quiet\nadd chain netdev quiet in { type filter hook ingress device eth0 priority 0; policy drop; }';
  for (const place of outside)
    await agent.run(place.name, `printf '${rules.replaceAll('\n', '\\n')}\\n' | nft -f -`);
}

/** Behind every generated chain, and at the very start of what the router itself sends (refusals). */
async function observe(agent: Agent): Promise<void> {
  const chains = [
    ['out', 'output', -2_000_000],
    ['post', 'postrouting', 2_000_000],
    ['in', 'input', 2_000_000],
  ] as const;
  const text = chains
    .map(
      ([name, hook, priority]) =>
        `  chain ${name} { type filter hook ${hook} priority ${priority}; log prefix "${name}" group 7; }\n`,
    )
    .join('');
  await agent.run('router', `nft -f - <<'END'\ntable inet observer {\n${text}}\nEND`);
  await agent.watch(
    7,
    pods.map((pod) => [pod.name, 'eth0'] as const),
  );
}
