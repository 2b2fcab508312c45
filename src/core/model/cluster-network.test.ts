// Which prefixes count as the cluster's own: what is configured comes first, a usual range only where nothing is.
import { describe, expect, it } from 'vitest';
import { makeFile, makeJsonFile, snapshotOf } from '../../../test/evidence/make-file.ts';
import { formatPrefix } from '../net/prefix.ts';
import { readClusterNetwork } from './cluster-network.ts';

function podPrefixesOf(podCidrs: readonly string[], flannelNetwork?: string): readonly string[] {
  const items = podCidrs.map((podCIDR, index) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: `n${index}` },
    spec: { podCIDR, podCIDRs: [podCIDR] },
    status: {},
  }));
  const files = [makeJsonFile('cluster/resources/nodes.json', { apiVersion: 'v1', kind: 'List', items })];
  if (flannelNetwork !== undefined) {
    files.push(makeFile('nodes/n0/subnet.env', `FLANNEL_NETWORK=${flannelNetwork}\nFLANNEL_MTU=1450\n`));
  }
  return readClusterNetwork(snapshotOf(files)).podPrefixes.map(formatPrefix);
}

describe('the pod prefixes', () => {
  it('are what flannel was told, also where that is less than a usual range', () => {
    expect(podPrefixesOf(['10.42.0.0/24', '10.42.1.0/24'], '10.42.0.0/17')).toEqual(['10.42.0.0/17']);
  });

  it('are a usual range where only the shares are known and it holds them all', () => {
    expect(podPrefixesOf(['10.42.0.0/24', '10.42.1.0/24'])).toEqual(['10.42.0.0/16']);
  });

  it('are the shares themselves where no usual range holds them', () => {
    expect(podPrefixesOf(['172.20.0.0/24', '10.42.1.0/24'])).toEqual(['10.42.1.0/24', '172.20.0.0/24']);
  });
});
