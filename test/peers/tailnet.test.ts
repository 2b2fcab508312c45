// What the lab takes for granted of a tailnet, seen with the pinned tailscaled and with the one made by hand; and that
// the two leave the same behind in the kernel and in tailscale's answers. Needs root, and built peers for the real one.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestContext } from 'vitest';
import { expectSuccess } from '../../lab/machine.ts';
import type { LabMachine } from '../../lab/machine.ts';
import { daemonLog } from '../../lab/tailnet-real.ts';
import { readTable } from '../../lab/tailnet-table.ts';
import { observeKernel } from './observed-kernel.ts';
import { clusterPrefixes, findObstacle, startTailnetForTest } from './started-tailnet.ts';
import type { StartedTailnet } from './started-tailnet.ts';

const kinds = ['tailscaled', 'by-hand'] as const;
const started = new Map<string, StartedTailnet>();

beforeAll(async () => {
  for (const kind of kinds) {
    if (findObstacle(kind) === undefined) started.set(kind, await startTailnetForTest(kind));
  }
});

afterAll(async () => {
  for (const tailnet of started.values()) await tailnet.stop();
});

/** The tailnet of this kind, or a skip that says why there is none. */
function take(kind: (typeof kinds)[number], context: TestContext): StartedTailnet {
  const obstacle = findObstacle(kind);
  if (obstacle !== undefined) context.skip(obstacle);
  return started.get(kind)!;
}

async function run(machine: LabMachine, script: string): Promise<string> {
  return expectSuccess(await machine.run(['sh', '-ec', script], { timeoutMs: 60_000 }), script);
}

async function routeTo(machine: LabMachine, address: string): Promise<string> {
  return run(machine, `ip route get ${address}`);
}

/** Connects from inside the machine, from `source` where one is given: what the server said, or how it failed. */
async function connect(machine: LabMachine, address: string, source?: string): Promise<string> {
  const program = `const [host, localAddress] = process.argv.slice(1);
const socket = require('net').connect({ host, port: 8080, localAddress });
const end = (text) => { console.log(text); process.exit(0); };
setTimeout(() => end('timeout'), 2000);
socket.on('data', (data) => end(String(data))).on('error', (error) => end(error.code));`;
  const argv = [process.execPath, '-e', program, address, ...(source === undefined ? [] : [source])];
  return expectSuccess(await machine.run(argv), `connecting to ${address}`).trim();
}

async function serve(machine: LabMachine): Promise<void> {
  const program = `require('net').createServer((socket) => socket.end('from ' + socket.remoteAddress))
.listen(8080, '0.0.0.0', () => console.log('ready'));`;
  const { output } = machine.start([process.execPath, '-e', program]);
  await new Promise((resolve) => output.once('data', resolve));
}

describe.each(kinds)('a tailnet: %s', (kind) => {
  it('numbers its members in the order of login', (context) => {
    expect([...take(kind, context).tailnet.addresses]).toEqual([
      ['gateway', '100.64.0.1'],
      ['accepting', '100.64.0.2'],
      ['declining', '100.64.0.3'],
    ]);
  });

  it('fills table 52 of the member that accepts routes, and of no other', async (context) => {
    const { accepting, declining } = take(kind, context);
    expect(await readTable(accepting)).toEqual(expect.arrayContaining(clusterPrefixes));
    expect(await readTable(declining)).toEqual([
      '100.100.100.100',
      '100.64.0.1',
      '100.64.0.2',
      'fd7a:115c:a1e0::/48',
      'fd7a:115c:a1e0::53',
    ]);
  });

  it('carries packets from a member’s own address, and loses those from any other', async (context) => {
    const { gateway, accepting } = take(kind, context);
    await run(gateway, 'ip addr add 10.42.3.4/32 dev lo');
    await run(accepting, 'ip addr add 10.42.1.7/32 dev lo');
    await serve(gateway);
    expect(await connect(accepting, '100.64.0.1')).toBe('from 100.64.0.2');
    expect(await connect(accepting, '10.42.3.4')).toBe('from 100.64.0.2');
    expect(await connect(accepting, '10.42.3.4', '10.42.1.7')).toBe('timeout');
  });

  it('takes a LAN prefix away from the LAN, but not from its own packets', async (context) => {
    const { tailnet, accepting } = take(kind, context);
    await tailnet.change('gateway', { advertiseRoutes: [...clusterPrefixes, '192.168.50.0/24'] });
    expect(await routeTo(accepting, '192.168.50.13')).toContain('dev tailscale0 table 52');
    // The wire between the members runs over that LAN.
    expect(await connect(accepting, '100.64.0.1')).toBe('from 100.64.0.2');
    await tailnet.change('gateway', { advertiseRoutes: clusterPrefixes });
    expect(await routeTo(accepting, '192.168.50.13')).toContain('dev eth0');
  });

  it('empties and fills table 52 with accept-routes', async (context) => {
    const { tailnet, accepting } = take(kind, context);
    await tailnet.change('accepting', { acceptRoutes: false });
    expect(await readTable(accepting)).not.toContain('10.42.0.0/16');
    await tailnet.change('accepting', { acceptRoutes: true });
    expect(await readTable(accepting)).toContain('10.42.0.0/16');
  });
});

describe('a rule before table 52', () => {
  const heal = 'ip rule add to 10.42.0.0/16 priority 2500 lookup main';

  it('heals at once, and stays through accept-routes off and on and a new login', async (context) => {
    const { accepting } = take('tailscaled', context);
    await run(accepting, 'ip route add 10.42.0.0/24 via 192.168.50.13');
    expect(await routeTo(accepting, '10.42.0.9')).toContain('dev tailscale0 table 52');
    await run(accepting, heal);
    expect(await routeTo(accepting, '10.42.0.9')).toContain('via 192.168.50.13 dev eth0');
    const controlUrl = /"ControlURL": "(.*)"/.exec(await run(accepting, 'tailscale debug prefs'))?.[1] ?? '';
    const up = `tailscale up --force-reauth --login-server=${controlUrl} --hostname=accepting --accept-dns=false --accept-routes --timeout=20s`;
    await run(accepting, `tailscale set --accept-routes=false; tailscale set --accept-routes; ${up}`);
    expect(await readTable(accepting)).toContain('10.42.0.0/16');
    expect(await routeTo(accepting, '10.42.0.9')).toContain('via 192.168.50.13 dev eth0');
    await run(accepting, 'ip rule del priority 2500');
  });

  it('is nothing to tailscaled when it goes, unless it stood in 5200 to 5299', async (context) => {
    const { accepting } = take('tailscaled', context);
    const inside = heal.replace('2500', '5200');
    await run(accepting, `${heal}; ip rule del priority 2500; ${inside}; ip rule del priority 5200`);
    const waiting = `i=0; until grep -q 'deleted ip rules; restoring' ${daemonLog}; do [ $i -lt 100 ]; i=$((i+1)); sleep 0.1; done`;
    await run(accepting, waiting);
    const log = (await run(accepting, `cat ${daemonLog}`)).split('\n');
    const lastDeletion = log.findLastIndex((line) => line.includes('ip rule deleted'));
    const restored = log.findIndex((line) => line.includes('deleted ip rules; restoring'));
    expect(log[lastDeletion]).toContain('Priority:5200');
    expect(log.slice(0, lastDeletion).filter((line) => line.includes('Priority:2500'))).not.toEqual([]);
    expect(restored).toBeGreaterThan(lastDeletion);
  });
});

describe('a tailnet made by hand', () => {
  const memberNames = ['gateway', 'accepting', 'declining'] as const;

  it.for(memberNames)('leaves in the kernel of %s what tailscaled leaves', async (name, context) => {
    const real = take('tailscaled', context);
    const byHand = take('by-hand', context);
    expect(await observeKernel(byHand[name])).toEqual(await observeKernel(real[name]));
  });

  it.for(memberNames)('answers on %s for tailscale what a diagnosis reads', async (name, context) => {
    const real = take('tailscaled', context);
    const byHand = take('by-hand', context);
    // A member that has just logged in again is shown offline for a moment.
    const poll = { timeout: 10_000, interval: 200 };
    await expect.poll(() => readAnswers(real[name]), poll).toEqual(await readAnswers(byHand[name]));
  });
});

/** Of tailscale's answers what is the same in every run: keys, ids, times, ports and the version differ. */
async function readAnswers(machine: LabMachine): Promise<unknown> {
  const ask = async (command: string): Promise<Record<string, unknown>> =>
    JSON.parse(await run(machine, `tailscale ${command}`)) as Record<string, unknown>;
  const [status, prefs, netmap] = [
    await ask('status --json'),
    await ask('debug prefs'),
    await ask('debug netmap'),
  ];
  const runDependent = ['ControlURL', 'Config'];
  const peers = Object.values(status['Peer'] as Record<string, Record<string, unknown>>);
  return {
    status: pick(status, ['TUN', 'BackendState', 'TailscaleIPs', 'Health', 'MagicDNSSuffix', 'CurrentTailnet']),
    self: pickPeer(status['Self']),
    peers: peers.map(pickPeer).sort((a, b) => String(a['HostName']).localeCompare(String(b['HostName']))),
    prefs: Object.entries(prefs).filter(([name]) => !runDependent.includes(name)),
    filter: pick(netmap, ['PacketFilter', 'PacketFilterRules', 'Domain', 'DNS']),
    routes: (netmap['Peers'] as Record<string, unknown>[]).map((peer) => [
      peer['Name'],
      peer['AllowedIPs'],
      peer['PrimaryRoutes'],
      (peer['Hostinfo'] as Record<string, unknown>)['RoutableIPs'],
    ]),
  };
}

const peerFields = ['HostName', 'DNSName', 'OS', 'TailscaleIPs', 'AllowedIPs', 'PrimaryRoutes', 'Online'];

function pickPeer(peer: unknown): Record<string, unknown> {
  return pick(peer as Record<string, unknown>, peerFields);
}

function pick(from: Record<string, unknown>, fields: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(fields.map((field) => [field, from[field]]));
}
