// What the lab takes for granted of the real tailscaled, seen on the pinned version: it needs root and built peers, and
// says so where it is skipped. Three machines on a LAN with no way out; one advertises the cluster's prefixes.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTailnetBinaries } from '../../lab/tailnet.ts';
import { startRealTailnet } from '../../lab/tailnet-real.ts';
import { readTable } from '../../lab/tailnet-table.ts';
import type { LabMachine } from '../../lab/machine.ts';
import type { Tailnet } from '../../lab/tailnet-request.ts';
import { startTestLan } from './namespaced-machines.ts';
import type { TestLan } from './namespaced-machines.ts';

const hijacked = ['10.42.0.0/16', '10.43.0.0/16'];

describe('a tailnet of real tailscaled', () => {
  let lan: TestLan | undefined;
  let tailnet: Tailnet | undefined;
  let folder = '';
  let reason = '';

  beforeAll(async () => {
    const binaries = findTailnetBinaries();
    if (process.getuid?.() !== 0) reason = 'needs root, to make network namespaces';
    else if (binaries === undefined) reason = 'tailscale is not built: npm run peers tailscale';
    else {
      folder = mkdtempSync(join(tmpdir(), 'waylaid-tailnet-'));
      lan = await startTestLan(['gateway', 'accepting', 'declining']);
      tailnet = await startRealTailnet(
        {
          lan: lan.lan,
          folder,
          report: () => undefined,
          members: lan.machines.map((machine) => ({
            machine,
            acceptRoutes: machine.name === 'accepting',
            advertiseRoutes: machine.name === 'gateway' ? hijacked : [],
          })),
        },
        binaries,
      );
    }
  });

  afterAll(async () => {
    await lan?.stop();
    if (folder !== '') rmSync(folder, { recursive: true });
  });

  const machine = (name: string): LabMachine => lan!.machines.find((candidate) => candidate.name === name)!;

  it('numbers its members in the order of login', (context) => {
    if (reason !== '') context.skip(reason);
    expect([...tailnet!.addresses]).toEqual([
      ['gateway', '100.64.0.1'],
      ['accepting', '100.64.0.2'],
      ['declining', '100.64.0.3'],
    ]);
  });

  it('fills table 52 of the member that accepts routes, and of no other', async (context) => {
    if (reason !== '') context.skip(reason);
    expect(await readTable(machine('accepting'))).toEqual(expect.arrayContaining(hijacked));
    expect(await readTable(machine('declining'))).toEqual([
      '100.100.100.100',
      '100.64.0.1',
      '100.64.0.2',
      'fd7a:115c:a1e0::/48',
      'fd7a:115c:a1e0::53',
    ]);
  });
});
