// A machine for the collector's tests: namespaces of its own (network, mounts, processes, host name) with no way out, a
// root network namespace in an odd state, and pods in every form that the collector must recognise. Root only.
// Everything dies with the one process that holds it.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';

export interface TestMachine {
  /** Runs a program inside: `nsenter … --`. */
  readonly enter: readonly [string, ...string[]];
  readonly stop: () => Promise<void>;
}

/** What stands on every test machine before its own set-up runs: private folders, so that nothing reaches the host's. */
const privateFolders = `
set -e
mount --make-rprivate /
for folder in /run /var/log /tmp; do mount -t tmpfs tmpfs $folder; done
mkdir -p /run/upper /run/work /run/netns
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work /etc
ip link set lo up
`;

/** Policy routing in both families, odd routes, a bridge, a VXLAN with FDB entries, firewall rules in both back ends. */
export const oddNetwork = `
hostname Node-One
ip link add lan0 type veth peer name wire0
ip link set wire0 up
ip addr add 192.168.7.2/24 dev lan0
ip addr add fd00:7::2/64 dev lan0 nodad
ip link set lan0 up
ip link add cni0 type bridge
ip addr add 10.42.0.1/24 dev cni0
ip link set cni0 up
ip link add flannel.1 type vxlan id 1 dev lan0 local 192.168.7.2 dstport 8472 nolearning
ip addr add 10.42.0.0/32 dev flannel.1
ip link set flannel.1 up
ip tuntap add tailscale0 mode tun
ip addr add 100.64.0.2/32 dev tailscale0
ip link set tailscale0 up
ip route add 10.42.1.0/24 via 10.42.1.0 dev flannel.1 onlink
ip neigh add 10.42.1.0 lladdr 0e:00:00:00:00:01 dev flannel.1 nud permanent
bridge fdb append 0e:00:00:00:00:01 dev flannel.1 dst 192.168.7.3
ip route add 10.42.0.0/16 dev tailscale0 table 52
ip route add throw 10.9.0.0/16 table 52
ip route add blackhole 10.8.0.0/16
ip route add 10.77.0.0/24 nexthop via 192.168.7.3 weight 2 nexthop via 192.168.7.4
ip -6 route add fd00:42:1::/64 via fd00:7::3 dev lan0
ip rule add from all fwmark 0x80000/0xff0000 lookup main priority 5210
ip rule add from all lookup 52 priority 5270
ip rule add not from 10.0.0.0/8 iif lo lookup main suppress_prefixlength 0 priority 99
ip -6 rule add from all lookup 52 priority 5270
iptables -t nat -A POSTROUTING -s 10.42.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE
iptables-legacy -A FORWARD -s 10.42.0.0/16 -j ACCEPT
ipset create pods hash:ip
`;

/** Pods: one by its namespace's name, one by its cgroup, one by its files, one that nobody can name. */
export const oddPods = `
add_pod() {
  ip netns add "$1"
  ip link add "veth$2" type veth peer name eth0 netns "$1"
  ip link set "veth$2" master cni0 up
  ip -n "$1" addr add "10.42.0.$2/24" dev eth0
  ip -n "$1" link set eth0 up
  ip -n "$1" route add default via 10.42.0.1
}
add_pod shop_api-7d9 11
mkdir -p /etc/netns/shop_api-7d9
echo 'nameserver 10.43.0.10' >/etc/netns/shop_api-7d9/resolv.conf
add_pod cni-4f1a 12
add_pod cni-9c2b 13
add_pod stray 14
start_container() {
  mkdir -p "/run/$2/bin" "/run/$2/etc"
  cp /bin/busybox "/run/$2/bin/busybox"
  nsenter "-n/run/netns/$1" unshare -m sh -c "exec chroot /run/$2 /bin/busybox sleep 1000" </dev/null >/dev/null 2>&1 &
}
start_container cni-4f1a container-a
by_cgroup=$!
echo 'nameserver 10.43.0.10' >/run/container-a/etc/resolv.conf
echo '127.0.0.1 localhost' >/run/container-a/etc/hosts
mkdir -p /var/log/pods/shop_web-0_0a1b2c3d-1111-2222-3333-444455556666
echo '0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod0a1b2c3d_1111_2222_3333_444455556666.slice/cri-x.scope' >/run/cgroup-a
start_container cni-9c2b container-b
mkdir -p /run/container-b/var/run/secrets/kubernetes.io/serviceaccount
printf shop >/run/container-b/var/run/secrets/kubernetes.io/serviceaccount/namespace
echo postgres-0 >/run/container-b/etc/hostname
echo 'the secret of the machine' >/etc/machine-secret
ln -s /etc/machine-secret /run/container-b/etc/resolv.conf
# Until IPv6 has found that nobody else has these addresses, they come and go.
sleep 2.5
mount --bind /run/cgroup-a "/proc/$by_cgroup/cgroup"
`;

export async function startTestMachine(setUp: string): Promise<TestMachine> {
  const script = `${privateFolders}\n${setUp}\necho ready\nexec sleep 3600`;
  const holder = spawn(
    'unshare',
    ['-n', '-m', '-u', '-p', '-f', '--kill-child', '--mount-proc', 'sh', '-c', script],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  await untilReady(holder);
  const pid = await firstChild(holder);
  const stop = async (): Promise<void> => {
    const gone = once(holder, 'exit');
    holder.kill('SIGKILL');
    await gone;
  };
  return { enter: ['nsenter', '-t', String(pid), '-n', '-m', '-p', '-u', '--'], stop };
}

async function untilReady(holder: ChildProcess): Promise<void> {
  let stderr = '';
  holder.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await new Promise<void>((resolve, reject) => {
    holder.stdout?.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('ready')) resolve();
    });
    holder.on('exit', () => reject(new Error(`the test machine did not start: ${stderr}`)));
  });
}

async function firstChild(holder: ChildProcess): Promise<number> {
  const pid = holder.pid ?? 0;
  return Number((await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ')[0]);
}

export interface Run {
  readonly exit: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs a program to its end, with the input given. */
export async function runProgram(argv: readonly string[], input = '', env = process.env): Promise<Run> {
  const [program = '', ...rest] = argv;
  const child = spawn(program, rest, { env });
  const chunks: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [exit] = (await once(child, 'close')) as [number | null];
  return { exit: exit ?? -1, stdout: Buffer.concat(chunks), stderr };
}

/**
 * The processes whose command line matches, once they had a fair chance to go: a signal is sent at once and obeyed when
 * its process is next given the processor. The pattern must begin with ^, or it matches the search itself.
 */
export async function findSurvivors(machine: TestMachine, pattern: string): Promise<string> {
  const search = 'for i in $(seq 50); do found=$(pgrep -f "$1") || exit 0; sleep 0.1; done; echo "$found"';
  return (await runProgram([...machine.enter, 'sh', '-c', search, 'sh', pattern])).stdout.toString();
}
