// The lab's processes as this machine sees them. In goes the holder, out come pids that nsenter takes, or the certainty
// that nothing is left. The kernel tells each process's number in every pid namespace it is in (NSpid in its status).
import { readdirSync, readFileSync } from 'node:fs';
import { startTimeOf } from './state.ts';

interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** From the outermost namespace that this process sees, inwards. */
  readonly pids: readonly number[];
}

const killPollMs = 10;
const longestKillMs = 10_000;

/** The pid outside of the process that has `insidePid` in the pid namespace of the holder's child. */
export function outsidePid(holderPid: number, insidePid: number): number {
  const found = descendantsOf(holderPid).find((entry) => entry.pids[1] === insidePid);
  if (found === undefined) throw new Error(`the lab's process ${insidePid} has ended`);
  return found.pid;
}

/**
 * Kills the first process inside, and with it its whole pid namespace, and waits for the last. The holder outside sees
 * its child die, collects it and ends by itself; were it killed first, what it should have collected would wait for the
 * machine's init.
 */
export async function killHolder({ holderPid }: { readonly holderPid: number }): Promise<void> {
  const inside = descendantsOf(holderPid);
  const doomed = [holderPid, ...inside.map((entry) => entry.pid)];
  const startTimes = doomed.map((pid) => [pid, startTimeOf(pid)] as const);
  const first = inside.find((entry) => entry.parent === holderPid);
  killIfAlive(first?.pid ?? holderPid);
  const endsAt = Date.now() + longestKillMs;
  const isAlive = ([pid, startTime]: readonly [number, string | undefined]): boolean =>
    startTime !== undefined && startTimeOf(pid) === startTime;
  while (startTimes.some(isAlive)) {
    if (Date.now() > endsAt) throw new Error(`the lab's processes do not end: ${doomed.join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, killPollMs));
  }
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended between being listed and being killed.
  }
}

function descendantsOf(ancestor: number): ProcessEntry[] {
  const byParent = new Map<number, ProcessEntry[]>();
  for (const name of readdirSync('/proc')) {
    const entry = /^\d+$/.test(name) ? readEntry(Number(name)) : undefined;
    if (entry !== undefined) byParent.set(entry.parent, [...(byParent.get(entry.parent) ?? []), entry]);
  }
  const found: ProcessEntry[] = [];
  const waiting = [ancestor];
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    for (const entry of byParent.get(pid) ?? []) {
      found.push(entry);
      waiting.push(entry.pid);
    }
  }
  return found;
}

function readEntry(pid: number): ProcessEntry | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const parent = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]);
    const pids = /^NSpid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/).map(Number) ?? [pid];
    return { pid, parent, pids };
  } catch {
    return undefined;
  }
}
