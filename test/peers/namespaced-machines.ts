// A few machines on one LAN in network namespaces with no way out, for tests of a tailnet. In go machine names, out come
// machines as the lab's code knows them, and a way to end them. Each is held by a process that reads this one's pipe to
// its end: when the test process dies, however it dies, the machines and all that runs in them are gone.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { expectSuccess, openMachine } from '../../lab/machine.ts';
import type { LabMachine } from '../../lab/machine.ts';

export interface TestLan {
  readonly lan: LabMachine;
  readonly machines: readonly LabMachine[];
  readonly stop: () => Promise<void>;
}

const lanAddress = '192.168.50.1';

/** /proc/self is read before the namespace's own /proc is mounted, so it is the pid that others enter by. */
const holderScript = `set -e
read -r pid rest </proc/self/stat
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
for target in /etc /var/lib /var/log; do
  mkdir -p /run/side$target/upper /run/side$target/work
  mount -t overlay -o lowerdir=$target,upperdir=/run/side$target/upper,workdir=/run/side$target/work overlay $target
done
mount -t sysfs sysfs /sys
ip link set lo up
echo $pid
exec cat >/dev/null`;

export async function startTestLan(names: readonly string[]): Promise<TestLan> {
  const holders: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    const ended = holders.map((holder) => new Promise((resolve) => holder.once('close', resolve)));
    for (const holder of holders) holder.stdin?.end();
    await Promise.all(ended);
  };
  const hold = async (name: string, kind: LabMachine['kind'], address: string): Promise<LabMachine> => {
    const holder = spawn('unshare', [
      ...['-n', '-m', '-p', '-u', '-f', '--kill-child', '--propagation', 'private', '--', 'sh', '-c', holderScript],
    ]);
    holders.push(holder);
    return openMachine({ name, kind, pid: await readPid(name, holder), lanAddress: address });
  };
  try {
    const lan = await hold('lan', 'lan', lanAddress);
    const machines: LabMachine[] = [];
    for (const [index, name] of names.entries()) {
      machines.push(await hold(name, 'host', `192.168.50.${11 + index}`));
    }
    await layCables(lan, machines);
    return { lan, machines, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function readPid(name: string, holder: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let errors = '';
    holder.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
    holder.once('close', () => reject(new Error(`no namespaces for ${name}: ${errors.trim()}`)));
    if (holder.stdout !== null) {
      createInterface({ input: holder.stdout }).once('line', (line) => resolve(Number(line)));
    }
  });
}

async function layCables(lan: LabMachine, machines: readonly LabMachine[]): Promise<void> {
  // Only the network namespace is entered: `netns PID` below counts in this process's pid namespace.
  const enterLan = ['-t', String(lan.pid), '-n', '--', 'ip', '-batch', '-'];
  const commands = [
    'link add br0 type bridge',
    `addr add ${lanAddress}/24 dev br0`,
    'link set br0 up',
    ...machines.flatMap((machine) => [
      `link add lan-${machine.name} type veth peer name eth0 netns ${machine.pid}`,
      `link set lan-${machine.name} master br0 up`,
    ]),
  ];
  await new Promise<void>((resolve, reject) => {
    const child = spawn('nsenter', enterLan, { stdio: ['pipe', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    child.on('close', (status) => (status === 0 ? resolve() : reject(new Error(`no LAN: ${errors.trim()}`))));
    child.stdin.end(commands.join('\n'));
  });
  for (const machine of machines) {
    const script = `ip addr add ${machine.lanAddress}/24 brd + dev eth0; ip link set eth0 up
ip route add default via ${lanAddress}; echo 1 >/proc/sys/net/ipv4/ip_forward`;
    expectSuccess(await machine.run(['sh', '-e'], { input: script }), `the network of ${machine.name}`);
  }
}
