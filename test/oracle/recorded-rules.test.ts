// What real programs wrote, followed: the recorded nodes' own dumps foretell every connection that was tried among them,
// kube-proxy in both modes and network policies with their ipsets: connected, refused, or no answer.
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../src/core/net/address.ts';
import { buildNetwork } from '../../src/core/model/build-network.ts';
import type { Network } from '../../src/core/model/network.ts';
import type { Journey } from '../../src/core/trace/flow.ts';
import { traceFlow } from '../../src/core/trace/trace-flow.ts';
import { snapshotOf } from '../evidence/make-file.ts';
import { readRecordedCluster } from './recorded-cluster.ts';
import type { RecordedProbe } from './recorded-cluster.ts';

/** What the prober would have said of one journey. */
function outcomeOf({ end, replies }: Journey): string {
  switch (end.kind) {
    case 'delivered':
      return (replies ?? []).every((reply) => outcomeOf(reply) === 'ok') ? 'ok' : 'timeout';
    case 'refused':
      return (replies ?? []).some((reply) => outcomeOf(reply) === 'ok') ? 'refused' : 'timeout';
    case 'lost':
      return 'timeout';
    case 'unknown':
      return `unknown: ${end.question}`;
  }
}

/** Where a Service draws among its endpoints, what was measured must be one of the ways. */
function foretell(network: Network, probe: RecordedProbe): readonly string[] {
  const to = parseAddress(probe.address)!;
  const { journeys } = traceFlow(network, { from: probe.from, to, protocol: 'tcp', port: probe.port });
  return [...new Set(journeys.map(outcomeOf))];
}

describe('connections tried in recorded clusters', () => {
  for (const name of ['working', 'working-nft', 'netpol-block']) {
    it(`are foretold from the dumps of ${name}`, async () => {
      const { files, probes } = await readRecordedCluster(name);
      const network = buildNetwork(snapshotOf(files));
      const wrong = probes.flatMap((probe) => {
        const foretold = foretell(network, probe);
        const isClear = !foretold.some((each) => each.startsWith('unknown'));
        return isClear && foretold.includes(probe.outcome)
          ? []
          : [`${probe.line.trim()}: foretold ${foretold.join(' or ')}`];
      });
      expect(probes.length).toBeGreaterThan(50);
      expect(wrong).toEqual([]);
    });
  }
});
