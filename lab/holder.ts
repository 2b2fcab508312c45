// A machine's namespaces: network, mounts, pids and host name, held by one small process each. In go a name and the
// lab's folder, out comes the pid to enter by. Everything a program inside may write is private: /run is a tmpfs,
// /etc, /var/lib and /var/log are overlays on a tmpfs (tailscaled replaces /etc/resolv.conf by rename, so mounting over
// that one file would not do); where the kernel has no overlays, a copy of /etc and empty folders. The pid namespace
// makes cleaning up free: when its first process dies, all in it die.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';

/** Folders of the lab's state folder that machines mount over, each in a mount namespace of its own. */
export const privateFolders = ['run', 'overlay'] as const;

/** In the lab's folder: a tmpfs that all machines and the supervisor see under the same path. */
export const exchangeFolder = 'exchange';

export interface Holder {
  readonly name: string;
  /** Enter this one: the first process of the machine's pid namespace. */
  readonly pid: number;
}

/** Resolves when the machine's mounts are in place; its network has nothing but a loopback that is down. */
export async function startHolder(name: string, labFolder: string): Promise<Holder> {
  const child = spawn(
    'unshare',
    [
      ...['-n', '-m', '-p', '-u', '-f', '--kill-child', '--mount-proc', '--propagation', 'private', '--'],
      ...['sh', '-c', holderScript(name, labFolder)],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  await waitForLine(name, child.stdout, child.stderr);
  // Nobody reads on: what is written later by mistake must not block the holder.
  child.stdout.resume();
  child.stderr.resume();
  const inner = child.pid === undefined ? undefined : findChild(child.pid);
  if (inner === undefined) throw new Error(`the namespaces of ${name} ended as soon as they were made`);
  return { name, pid: inner };
}

function holderScript(name: string, labFolder: string): string {
  const [run, overlay] = privateFolders.map((folder) => `${labFolder}/${folder}`);
  return `set -e
echo ${name} > /proc/sys/kernel/hostname
mount -t tmpfs -o mode=755 tmpfs ${String(overlay)}
for target in /etc /var/lib /var/log; do
  side=${String(overlay)}$target
  mkdir -p $side/upper $side/work
  mount -t overlay -o lowerdir=$target,upperdir=$side/upper,workdir=$side/work overlay $target 2>/dev/null && continue
  [ $target != /etc ] || cp -a /etc/. $side/upper/
  mount --bind $side/upper $target
done
mount -t tmpfs -o mode=755 tmpfs ${String(run)}
mkdir -p ${String(run)}/lock ${String(run)}/netns
mkdir -p ${String(run)}${labFolder.replace(/^\/run/, '')}/${exchangeFolder}
mount --bind ${labFolder}/${exchangeFolder} ${String(run)}${labFolder.replace(/^\/run/, '')}/${exchangeFolder}
mount --rbind ${String(run)} /run
mount -t sysfs sysfs /sys
echo ${name} > /etc/hostname
echo ready
trap '' CHLD
exec sleep infinity`;
}

// The last two lines of the script: a process that ignores SIGCHLD has its children reaped by the kernel, and the
// disposition survives exec, so `sleep` as the first process leaves no zombies behind.

function waitForLine(name: string, output: Readable, errors: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    let errorText = '';
    errors.setEncoding('utf8').on('data', (text: string) => (errorText += text));
    output.once('data', () => resolve());
    output.once('end', () => reject(new Error(`cannot make the namespaces of ${name}: ${errorText.trim()}`)));
  });
}

/** The only child of a process, by scanning /proc: the `children` file is a kernel option that may be off. */
function findChild(parent: number): number | undefined {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .find((pid) => parentOf(pid) === parent);
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
