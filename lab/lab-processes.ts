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
 * Kills the first process inside, and with it its whole pid namespace, and waits until the holder outside has ended. The
 * holder waits for its child, and the kernel lets that one go only when its namespace is empty: so when the holder has
 * ended, nothing is left. (The child's own state says less: it shows as a zombie while threads of it still run.)
 */
export async function killHolder({ holderPid }: { readonly holderPid: number }): Promise<void> {
  const startTime = startTimeOf(holderPid);
  if (startTime === undefined) return;
  const first = descendantsOf(holderPid).find((entry) => entry.parent === holderPid);
  killIfAlive(first?.pid ?? holderPid);
  const endsAt = Date.now() + longestKillMs;
  while (startTimeOf(holderPid) === startTime) {
    if (Date.now() > endsAt) throw new Error(`the lab's process ${holderPid} does not end`);
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
