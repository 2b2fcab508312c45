// The lab's tailnet: the real programs where they are built, the same rules and routes written by hand where they
// aren't. In go the request and, for tests, which of the two; out comes the running tailnet.
import { findPeerBinary } from './peer-binaries.ts';
import { startTailnetByHand } from './tailnet-by-hand.ts';
import { startRealTailnet } from './tailnet-real.ts';
import type { TailnetBinaries } from './tailnet-real.ts';
import type { Tailnet, TailnetRequest } from './tailnet-request.ts';

export function startTailnet(request: TailnetRequest): Promise<Tailnet> {
  const binaries = findTailnetBinaries();
  if (binaries !== undefined) return startRealTailnet(request, binaries);
  request.report('Tailscale is not built (npm run peers): its rules and routes are written by hand');
  return startTailnetByHand(request);
}

/** Undefined unless all three are built. */
export function findTailnetBinaries(): TailnetBinaries | undefined {
  const tailscaled = findPeerBinary('tailscaled');
  const tailscale = findPeerBinary('tailscale');
  const labcontrol = findPeerBinary('labcontrol');
  if (tailscaled === undefined || tailscale === undefined || labcontrol === undefined) return undefined;
  return { tailscaled, tailscale, labcontrol };
}
