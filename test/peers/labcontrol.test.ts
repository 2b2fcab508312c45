// The control server's configuration, as tailscaled sees it: what the administrator decides in its file must reach the
// members' tables, filters and peers. Needs root and built peers.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestContext } from 'vitest';
import { expectSuccess } from '../../lab/machine.ts';
import type { LabMachine } from '../../lab/machine.ts';
import { readTable } from '../../lab/tailnet-table.ts';
import { clusterPrefixes, findObstacle, startTailnetForTest } from './started-tailnet.ts';
import type { StartedTailnet } from './started-tailnet.ts';

interface PeerStatus {
  readonly HostName: string;
  readonly Online: boolean;
  readonly Expired?: boolean;
  readonly Tags?: readonly string[];
}

interface Status {
  readonly BackendState: string;
  readonly Peer: Readonly<Record<string, PeerStatus>>;
}

let started: StartedTailnet | undefined;
let firstConfig = '';

beforeAll(async () => {
  if (findObstacle('tailscaled') !== undefined) return;
  started = await startTailnetForTest('tailscaled');
  firstConfig = readFileSync(configPath(started), 'utf8');
});

afterAll(async () => {
  await started?.stop();
});

function take(context: TestContext): StartedTailnet {
  const obstacle = findObstacle('tailscaled');
  if (obstacle !== undefined) context.skip(obstacle);
  return started!;
}

function configPath(tailnet: StartedTailnet): string {
  return `${tailnet.folder}/labcontrol.json`;
}

/** Adds decisions to the configuration that the lab wrote, and has the server read it again. */
async function decide(tailnet: StartedTailnet, decisions: object): Promise<void> {
  writeFileSync(configPath(tailnet), JSON.stringify({ ...(JSON.parse(firstConfig) as object), ...decisions }));
  const sent = await tailnet.lan.run(['sh', '-c', 'kill -HUP $(pidof labcontrol)']);
  expectSuccess(sent, 'telling the control server');
}

async function readStatus(machine: LabMachine): Promise<Status> {
  return JSON.parse(
    expectSuccess(await machine.run(['tailscale', 'status', '--json']), 'tailscale status'),
  ) as Status;
}

async function readPeer(machine: LabMachine, name: string): Promise<PeerStatus | undefined> {
  return Object.values((await readStatus(machine)).Peer).find((peer) => peer.HostName === name);
}

const soon = { timeout: 10_000, interval: 100 };

describe('the control server', () => {
  it('gives a route only while it is approved', async (context) => {
    const tailnet = take(context);
    await decide(tailnet, { machines: { gateway: { approvedRoutes: ['10.43.0.0/16'] } } });
    await expect.poll(() => readTable(tailnet.accepting), soon).not.toContain('10.42.0.0/16');
    expect(await readTable(tailnet.accepting)).toContain('10.43.0.0/16');
    await decide(tailnet, {});
    await expect
      .poll(() => readTable(tailnet.accepting), soon)
      .toEqual(expect.arrayContaining(clusterPrefixes));
  });

  it('can allow nothing in', async (context) => {
    const tailnet = take(context);
    const readFilter = async (): Promise<unknown> => {
      const netmap = await tailnet.gateway.run(['tailscale', 'debug', 'netmap']);
      return (JSON.parse(netmap.stdout) as { PacketFilter: unknown }).PacketFilter;
    };
    await expect.poll(readFilter, soon).toHaveLength(1);
    await decide(tailnet, { packetFilter: [] });
    await expect.poll(readFilter, soon).toEqual([]);
    await decide(tailnet, {});
    await expect.poll(readFilter, soon).toHaveLength(1);
  });

  it('hides a machine, shows it offline, tags it', async (context) => {
    const tailnet = take(context);
    const see = (): Promise<PeerStatus | undefined> => readPeer(tailnet.accepting, 'declining');
    await expect.poll(see, soon).toMatchObject({ Online: true });
    await decide(tailnet, { machines: { declining: { hidden: true } } });
    await expect.poll(see, soon).toBeUndefined();
    await decide(tailnet, { machines: { declining: { offline: true, tags: ['tag:k8s'] } } });
    await expect.poll(see, soon).toMatchObject({ Online: false, Tags: ['tag:k8s'] });
    await decide(tailnet, {});
    await expect.poll(see, soon).toMatchObject({ Online: true });
  });

  it('lets a key expire, which takes the machine out of its peers’ tables', async (context) => {
    const tailnet = take(context);
    await decide(tailnet, { machines: { declining: { keyExpiry: '2026-01-01T00:00:00Z' } } });
    await expect
      .poll(() => readPeer(tailnet.accepting, 'declining'), soon)
      .toMatchObject({ Expired: true });
    await expect.poll(() => readTable(tailnet.accepting), soon).not.toContain('100.64.0.3');
    await expect.poll(() => readStatus(tailnet.declining), soon).toMatchObject({ BackendState: 'NeedsLogin' });
  });

  it('keeps what it has when its file cannot be read', async (context) => {
    const tailnet = take(context);
    await decide(tailnet, { machines: { gateway: { aprovedRoutes: [] } } });
    await decide(tailnet, { machines: { gateway: { offline: true } } });
    await expect.poll(() => readPeer(tailnet.accepting, 'gateway'), soon).toMatchObject({ Online: false });
    // The misspelt file came first and did not end the server.
  });
});
