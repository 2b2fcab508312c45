// A tailnet of real programs: our control server on the LAN, tailscaled on every member, logged in one after the other.
// In go the request and the built binaries, out comes a tailnet whose rules, routes, chains and netmaps tailscaled wrote
// itself. Nothing here is stopped: everything dies with the machine that it runs on.
import { createInterface } from 'node:readline';
import { writeFile } from 'node:fs/promises';
import { expectSuccess } from './machine.ts';
import type { LabMachine, LabProcess } from './machine.ts';
import { placePrograms, programFolder } from './tailnet-command.ts';
import type { Tailnet, TailnetChange, TailnetMember, TailnetRequest } from './tailnet-request.ts';
import { waitForTables } from './tailnet-table.ts';
import type { JoinedMember } from './tailnet-table.ts';

export interface TailnetBinaries {
  readonly tailscaled: string;
  readonly tailscale: string;
  readonly labcontrol: string;
}

export const tailnetName = 'lab.example';
export const magicDnsSuffix = 'tail0000.ts.net';
export const magicsockPort = 41_641;
export const daemonLog = '/var/log/tailscaled.log';

const controlPort = 9911;
const socket = '/run/tailscale/tailscaled.sock';
const startTimeoutMs = 20_000;
const tunnelTimeoutMs = 30_000;

/** No log upload, no port mapping; and a crash rather than a packet to the public control server. */
const daemonEnvironment = {
  TS_NO_LOGS_NO_SUPPORT: 'true',
  TS_DISABLE_PORTMAPPER: '1',
  TS_PANIC_IF_HIT_MAIN_CONTROL: '1',
};

export async function startRealTailnet(request: TailnetRequest, binaries: TailnetBinaries): Promise<Tailnet> {
  const [controlUrl] = await Promise.all([
    startControl(request, binaries.labcontrol),
    ...request.members.map((member) => startDaemon(member.machine, binaries)),
  ]);
  const joined = new Map<string, JoinedMember>();
  for (const member of request.members) {
    joined.set(member.machine.name, await logIn(member, controlUrl));
  }
  await waitForTables([...joined.values()]);
  await openTunnels([...joined.values()]);
  return {
    kind: 'tailscaled',
    addresses: new Map([...joined].map(([name, member]) => [name, member.addresses.ipv4])),
    change: (name, change) => changeMember(joined, name, change),
  };
}

/** Resolves with the URL to log in to. The server approves every advertised route and allows everything. */
async function startControl(request: TailnetRequest, labcontrol: string): Promise<string> {
  const configPath = `${request.folder}/labcontrol.json`;
  await writeFile(configPath, JSON.stringify({ tailnet: tailnetName, magicDNSSuffix: magicDnsSuffix }));
  const listen = `${request.lan.lanAddress}:${controlPort}`;
  const control = request.lan.start([labcontrol, '-listen', listen, '-config', configPath]);
  const line = await firstLine(control, startTimeoutMs);
  const url = line?.split(' ')[2];
  if (url === undefined) {
    throw new Error(`the control server did not start on ${listen}: ${lastLines(control.errorText())}`);
  }
  return url;
}

function firstLine(process: LabProcess, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), timeoutMs);
    const finish = (line?: string): void => {
      clearTimeout(timer);
      resolve(line);
    };
    createInterface({ input: process.output }).on('line', finish).on('close', finish);
  });
}

async function startDaemon(machine: LabMachine, binaries: TailnetBinaries): Promise<void> {
  await placePrograms(machine, {
    tailscale: { linkTo: binaries.tailscale },
    tailscaled: { linkTo: binaries.tailscaled },
  });
  // The arguments of Debian's unit file, so that what is collected from the lab looks like a machine's.
  const daemon = `exec ${programFolder}/tailscaled --state=/var/lib/tailscale/tailscaled.state --socket=${socket} --port=${magicsockPort}`;
  // /var/lib shows the host's files below the machine's: without a mount of its own this tailscaled would be the host's
  // device, keys and all, if the host has one.
  const ownState = 'mkdir -p /var/lib/tailscale && mount -t tmpfs -o mode=700 tmpfs /var/lib/tailscale';
  const { exited } = machine.start(
    ['sh', '-c', `${ownState} && rm -f ${daemonLog} && ${daemon} >>${daemonLog} 2>&1`],
    daemonEnvironment,
  );
  const wait = `i=0; while [ ! -S ${socket} ]; do [ $i -lt 200 ] || exit 1; i=$((i+1)); sleep 0.05; done`;
  const listening = machine.run(['sh', '-c', wait], { timeoutMs: startTimeoutMs });
  const isUp = await Promise.race([listening.then(({ exit }) => exit === 0), exited.then(() => false)]);
  if (isUp) return;
  const log = await machine.run(['tail', '-n', '3', daemonLog]);
  throw new Error(`tailscaled did not start on ${machine.name}: ${lastLines(log.stdout)}`);
}

async function logIn(member: TailnetMember, controlUrl: string): Promise<JoinedMember> {
  const { machine } = member;
  const up = [
    ...['tailscale', 'up', `--login-server=${controlUrl}`, `--hostname=${machine.name}`, '--timeout=20s'],
    // The lab's DNS is the cluster's; without this tailscaled would replace the machine's resolv.conf.
    '--accept-dns=false',
    ...preferenceFlags(member),
  ];
  expectSuccess(await machine.run(up, { timeoutMs: 30_000 }), `tailscale up on ${machine.name}`);
  const addresses = expectSuccess(await machine.run(['tailscale', 'ip']), `tailscale ip on ${machine.name}`);
  const [ipv4 = '', ipv6 = ''] = addresses.trim().split('\n');
  return { ...member, addresses: { ipv4, ipv6 } };
}

/** Connects to a port that nobody serves: a refusal has been there and back. The kernel sends SYN again until then. */
const reachProgram = `for (const host of process.argv.slice(1)) {
  const socket = require('net').connect({ host, port: 1 });
  socket.on('error', (error) => { if (error.code !== 'ECONNREFUSED') process.exitCode = 1; });
}`;

/**
 * A first packet between two members costs a handshake; where both send theirs at once, WireGuard drops both and tries
 * again 5 seconds later. So each pair is connected from one side before anybody measures anything.
 */
async function openTunnels(members: readonly JoinedMember[]): Promise<void> {
  await Promise.all(
    members.map(async ({ machine }, at) => {
      const later = members.slice(at + 1).map((member) => member.addresses.ipv4);
      const argv = [process.execPath, '-e', reachProgram, ...later];
      const reached = await machine.run(argv, { timeoutMs: tunnelTimeoutMs });
      expectSuccess(reached, `reaching ${later.join(', ')} from ${machine.name} through the tailnet`);
    }),
  );
}

function preferenceFlags(wishes: TailnetChange): string[] {
  return [
    ...(wishes.acceptRoutes === undefined ? [] : [`--accept-routes=${String(wishes.acceptRoutes)}`]),
    ...(wishes.advertiseRoutes === undefined
      ? []
      : [`--advertise-routes=${wishes.advertiseRoutes.join(',')}`]),
  ];
}

async function changeMember(
  joined: Map<string, JoinedMember>,
  name: string,
  change: TailnetChange,
): Promise<void> {
  const member = joined.get(name);
  if (member === undefined) throw new Error(`${name} is not in the tailnet`);
  const set = await member.machine.run(['tailscale', 'set', ...preferenceFlags(change)]);
  expectSuccess(set, `tailscale set on ${name}`);
  joined.set(name, { ...member, ...change });
  await waitForTables([...joined.values()]);
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-3).join('; ');
}
