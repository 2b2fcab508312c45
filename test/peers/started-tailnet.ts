// A tailnet of three machines for a test, real or by hand: one advertises the cluster's prefixes, one accepts routes, one
// doesn't. In goes which of the two, out comes the running tailnet, or the reason why it cannot run here.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTailnetByHand } from '../../lab/tailnet-by-hand.ts';
import { startRealTailnet } from '../../lab/tailnet-real.ts';
import { findTailnetBinaries } from '../../lab/tailnet.ts';
import type { LabMachine } from '../../lab/machine.ts';
import type { Tailnet } from '../../lab/tailnet-request.ts';
import { startTestLan } from './namespaced-machines.ts';

export const clusterPrefixes = ['10.42.0.0/16', '10.43.0.0/16'];

export interface StartedTailnet {
  readonly tailnet: Tailnet;
  readonly lan: LabMachine;
  /** Holds the control server's configuration. */
  readonly folder: string;
  readonly gateway: LabMachine;
  readonly accepting: LabMachine;
  readonly declining: LabMachine;
  readonly stop: () => Promise<void>;
}

/** Why a tailnet of this kind cannot be started here; undefined when it can. */
export function findObstacle(kind: Tailnet['kind']): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root, to make network namespaces';
  if (kind === 'tailscaled' && findTailnetBinaries() === undefined) {
    return 'Tailscale is not built: npm run peers tailscale';
  }
  return undefined;
}

export async function startTailnetForTest(kind: Tailnet['kind']): Promise<StartedTailnet> {
  const folder = mkdtempSync(join(tmpdir(), 'waylaid-tailnet-'));
  const { lan, machines, stop } = await startTestLan(['gateway', 'accepting', 'declining']);
  const stopAll = async (): Promise<void> => {
    await stop();
    rmSync(folder, { recursive: true });
  };
  try {
    const request = {
      lan,
      folder,
      report: (): void => undefined,
      members: machines.map((machine) => ({
        machine,
        acceptRoutes: machine.name === 'accepting',
        advertiseRoutes: machine.name === 'gateway' ? clusterPrefixes : [],
      })),
    };
    const binaries = findTailnetBinaries();
    const tailnet =
      kind === 'tailscaled' && binaries !== undefined
        ? await startRealTailnet(request, binaries)
        : await startTailnetByHand(request);
    const [gateway, accepting, declining] = machines as [LabMachine, LabMachine, LabMachine];
    return { tailnet, lan, folder, gateway, accepting, declining, stop: stopAll };
  } catch (error) {
    await stopAll();
    throw error;
  }
}
