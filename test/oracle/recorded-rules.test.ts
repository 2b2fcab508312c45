// What real programs wrote, followed: the recorded nodes' own dumps foretell every connection that was tried among them,
// kube-proxy in both modes and network policies with their ipsets: connected, refused, or no answer. And the rules of one
// of those nodes, and of nodes with tailscaled in both its modes, restored in a namespace and met by real packets
// (root only, as netfilter.test.ts).
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../src/core/net/address.ts';
import { buildNetwork } from '../../src/core/model/build-network.ts';
import type { Network } from '../../src/core/model/network.ts';
import type { Journey } from '../../src/core/trace/flow.ts';
import { traceFlow } from '../../src/core/trace/trace-flow.ts';
import { snapshotOf } from '../evidence/make-file.ts';
import { makeFlows } from './netfilter-flows.ts';
import { emptyTally, findObstacle, judgeFlows, printTally } from './netfilter-judge.ts';
import { readRecordedCluster } from './recorded-cluster.ts';
import type { RecordedProbe } from './recorded-cluster.ts';
import { readClusterParts, readTailnetParts } from './recorded-parts.ts';
import type { RecordedParts } from './recorded-parts.ts';

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

const perRecording = 1000;

describe('rules that real programs wrote, against this kernel', () => {
  const recordings: readonly (readonly [string, () => Promise<RecordedParts>])[] = [
    ['kube-proxy and network policies', () => readClusterParts('working')],
    ['a narrower network policy', () => readClusterParts('netpol-block')],
    ['kube-proxy in nftables mode', () => readClusterParts('working-nft')],
    ['tailscaled in iptables mode', () => readTailnetParts('iptables')],
    ['tailscaled in nftables mode', () => readTailnetParts('nftables')],
  ];
  for (const [name, read] of recordings) {
    it(`foretell ${2 * perRecording} flows: ${name}`, async (ctx) => {
      const problem = findObstacle();
      if (problem !== undefined) return ctx.skip(problem);
      const { parts, aims } = await read();
      const tally = emptyTally();
      for (const hasBridgeFilter of [true, false]) {
        const extras = { hasBridgeFilter, hasMarkRoute: false };
        await judgeFlows({ seed: 7, extras, parts }, makeFlows(7, perRecording, aims), tally);
      }
      printTally(name, tally);
      expect(tally.refused).toEqual([]);
      expect(tally.differences).toEqual([]);
      expect(tally.unknown).toEqual([]);
    }, 600_000);
  }
});
