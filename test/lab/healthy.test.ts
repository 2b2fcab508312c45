// A healthy lab: everything reaches everything by real packets, machines can be entered, objects are recorded, and
// `down` leaves nothing.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  describeLab,
  enterCommand,
  execInLab,
  labObjects,
  listRunningLabs,
  probeLab,
  startLab,
  stopLab,
  whyNoLab,
} from '../../lab/client.ts';
import { runCommand } from '../../lab/machine.ts';
import { listMatrixFlows } from '../../lab/matrix.ts';
import { readState } from '../../lab/state.ts';
import { buildLabPrograms } from './lab-programs.ts';
import { findLeftovers, takeFootprint } from './leftovers.ts';
import type { LabDescription } from '../../lab/control.ts';
import type { BuiltPrograms } from './lab-programs.ts';

const problem = whyNoLab();
const name = `healthy-${process.pid}`;
let programs: BuiltPrograms | undefined;
let lab: LabDescription;

beforeAll(async () => {
  if (problem !== undefined) return;
  programs = await buildLabPrograms();
  lab = await startLab({ name });
});

afterAll(async () => {
  if (problem === undefined) await stopLab(name);
  await programs?.remove();
});

describe('a healthy lab', () => {
  it('lets every pod and machine reach every pod, Service and machine', async (ctx) => {
    if (problem !== undefined) return ctx.skip(problem);
    const flows = listMatrixFlows(lab);
    const results = await probeLab(name, flows);
    const lost = flows
      .filter((_, at) => results[at]?.outcome !== 'ok')
      .map((flow) => `${flow.from} → ${flow.to}`);
    expect(flows.length).toBeGreaterThan(150);
    expect(lost).toEqual([]);
    return undefined;
  });

  it('tells a refusal from a loss', async (ctx) => {
    if (problem !== undefined) return ctx.skip(problem);
    const postgres = lab.pods.find((pod) => pod.program === 'database')!;
    const [refused, lost] = await probeLab(name, [
      { from: 'swimto/api', ip: postgres.address, port: 1, proto: 'tcp' },
      { from: 'swimto/api', ip: '203.0.113.1', port: 80, proto: 'tcp' },
    ]);
    expect([refused?.outcome, lost?.outcome]).toEqual(['refused', 'timeout']);
    return undefined;
  });

  it('has two pods or more on every node, found by name in their node', async (ctx) => {
    if (problem !== undefined) return ctx.skip(problem);
    for (const node of lab.machines.filter((machine) => machine.kind === 'node')) {
      const pods = lab.pods.filter((pod) => pod.node === node.name);
      const { stdout } = await execInLab(name, node.name, ['ip', 'netns', 'list']);
      const listed = stdout.split('\n').flatMap((line) => line.split(' ')[0] ?? []);
      expect(pods.length).toBeGreaterThan(1);
      expect(listed.filter((entry) => entry !== '').sort()).toEqual(pods.map((pod) => pod.netns).sort());
    }
    return undefined;
  });

  it('can be entered with nsenter by the pids that it tells', async (ctx) => {
    if (problem !== undefined) return ctx.skip(problem);
    const hostname = await execInLab(name, 'node-2', ['cat', '/proc/sys/kernel/hostname']);
    const forwarding = await execInLab(name, 'node-2', ['sysctl', '-n', 'net.ipv4.ip_forward']);
    const resolver = await execInLab(name, 'swimto/api', ['cat', '/etc/resolv.conf']);
    expect(hostname.stdout).toBe('node-2\n');
    expect(forwarding.stdout).toBe('1\n');
    expect(resolver.stdout).toContain('nameserver 10.43.0.10\n');
    expect(() => enterCommand(lab, 'node-9')).toThrow(/no pod or machine node-9/);
    return undefined;
  });

  it('resolves the names of Services in its pods', async (ctx) => {
    if (problem !== undefined) return ctx.skip(problem);
    const script = `require('dns').lookup(process.argv[1], (e, a) => console.log(e ? e.code : a))`;
    const resolve = async (wanted: string): Promise<string> =>
      (await execInLab(name, 'swimto/frontend', [process.execPath, '-e', script, wanted])).stdout.trim();
    const service = lab.services.find((candidate) => candidate.name === 'postgres-service')!;
    expect(await resolve('postgres-service')).toBe(service.clusterIp);
    expect(await resolve('kubernetes.default.svc.cluster.local')).toBe('10.43.0.1');
    expect(await resolve('nobody.swimto')).toBe('ENOTFOUND');
    return undefined;
  });

  it('has no way out', async (ctx) => {
    if (problem !== undefined) return ctx.skip(problem);
    const holder = String(readState(name)?.holderPid);
    const { stdout } = await runCommand(['nsenter', '-t', holder, '-n', 'ip', '-br', 'link']);
    const links = stdout.split('\n').flatMap((line) => line.split(/[ @]/)[0] ?? []);
    const expected = ['lo', 'br0', ...lab.machines.map((machine) => `lan-${machine.name}`)];
    expect(links.filter((link) => link !== '').sort()).toEqual(expected.sort());
    return undefined;
  });

  it('records objects in which everything is ready', async (ctx) => {
    if (problem !== undefined) return ctx.skip(problem);
    const files = await labObjects(name);
    const items = (kind: string): Record<string, never>[] =>
      (JSON.parse(files[`cluster/resources/${kind}.json`] ?? '{}') as { items: Record<string, never>[] })
        .items;
    expect(items('nodes')).toHaveLength(3);
    expect(items('pods')).toHaveLength(lab.pods.length);
    expect(JSON.stringify(items('pods'))).not.toContain('"ready":false');
    expect(JSON.stringify(items('endpointslices.discovery.k8s.io'))).not.toContain('"ready":false');
    expect(items('events')).toEqual([]);
    const api = lab.pods.find((pod) => pod.program === 'api')!;
    expect(files[`cluster/logs/swimto/${api.name}/api.log`]).toContain('connected to 10.43.0.88:5432');
    return undefined;
  });

  it('refuses a second lab of its name, and is found by name', async (ctx) => {
    if (problem !== undefined) return ctx.skip(problem);
    await expect(startLab({ name })).rejects.toThrow(/is running; stop it first/);
    expect(listRunningLabs()).toContain(name);
    expect((await describeLab(name)).pods).toHaveLength(lab.pods.length);
    return undefined;
  });

  it('is gone after down', async (ctx) => {
    if (problem !== undefined) return ctx.skip(problem);
    const footprint = takeFootprint(name, readState(name)!.holderPid);
    expect(footprint.processes.length).toBeGreaterThan(10);
    expect(footprint.namespaces.size).toBeGreaterThan(10);
    expect(await stopLab(name)).toBe(true);
    expect(findLeftovers(footprint)).toEqual([]);
    expect(listRunningLabs()).not.toContain(name);
    await expect(describeLab(name)).rejects.toThrow(/no lab named/);
    return undefined;
  });
});
