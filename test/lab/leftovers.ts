// What is left of a lab, looked for in /proc and not in what the lab says of itself: its processes, its namespaces (by
// inode, in any process of the machine), its mounts and its folder.
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { labFolder, startTimeOf } from '../../lab/state.ts';

export interface Footprint {
  readonly name: string;
  /** pid and start time. */
  readonly processes: readonly (readonly [number, string])[];
  /** Like `net:[4026532345]`, without those of this process. */
  readonly namespaces: ReadonlySet<string>;
}

const kinds = ['net', 'mnt', 'pid', 'uts'];

/** Everything below the holder, while it lives. */
export function takeFootprint(name: string, holderPid: number): Footprint {
  const parents = new Map(allPids().map((pid) => [pid, parentOf(pid)]));
  const isBelow = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at)) {
      if (at === holderPid) return true;
    }
    return false;
  };
  const processes = [...parents.keys()].filter(isBelow).flatMap((pid) => {
    const startTime = startTimeOf(pid);
    return startTime === undefined ? [] : [[pid, startTime] as const];
  });
  const own = namespacesOf('self');
  const namespaces = new Set(
    processes.flatMap(([pid]) => namespacesOf(String(pid))).filter((ns) => !own.includes(ns)),
  );
  return { name, processes, namespaces };
}

/** One line for each thing that is left. */
export function findLeftovers(footprint: Footprint): string[] {
  const alive = footprint.processes
    .filter(([pid, startTime]) => startTimeOf(pid) === startTime)
    .map(([pid]) => `process ${pid} ${commandOf(pid)}`);
  const held = allPids().flatMap((pid) =>
    namespacesOf(String(pid))
      .filter((ns) => footprint.namespaces.has(ns))
      .map((ns) => `${ns} held by process ${pid}`),
  );
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(labFolder(footprint.name)));
  const folder = existsSync(labFolder(footprint.name)) ? [`folder ${labFolder(footprint.name)}`] : [];
  return [...alive, ...held, ...mounts, ...folder];
}

/** Waits until nothing is left, or gives what still is after five seconds. */
export async function waitUntilGone(footprint: Footprint): Promise<string[]> {
  for (let tries = 0; tries < 100; tries++) {
    const left = findLeftovers(footprint);
    if (left.length === 0) return [];
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return findLeftovers(footprint);
}

function allPids(): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

function namespacesOf(pid: string): string[] {
  return kinds.flatMap((kind) => {
    try {
      return [readlinkSync(`/proc/${pid}/ns/${kind}`)];
    } catch {
      return [];
    }
  });
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
