// Chains below IP, on a recorded healthy cluster: what a bridge's own table drops is lost between pods of one node and
// nowhere else; what a device's table drops is lost before anything of the machine sees it, and where the listing does not
// say which device it is for, exactly the flows that it could decide are unknown.
import { describe, expect, it } from 'vitest';
import { judgeFiles, readBundle, textOf, withFile, withoutFiles } from './recorded-bundle.ts';
import type { Files } from './recorded-bundle.ts';

type Row = Readonly<Record<string, unknown>>;

function withTable(files: Files, node: string, rows: readonly Row[]): Files {
  const path = `nodes/${node}/nft.json`;
  const listing = JSON.parse(textOf(files, path)) as { readonly nftables: readonly Row[] };
  return withFile(files, path, JSON.stringify({ nftables: [...listing.nftables, ...rows] }));
}

function dropping(family: 'bridge' | 'netdev', hook: string, match: readonly Row[]): readonly Row[] {
  const place = { family, table: 'guard' };
  return [
    { table: { family, name: 'guard', handle: 900 } },
    { chain: { ...place, name: 'watch', handle: 901, type: 'filter', hook, prio: 0, policy: 'accept' } },
    { rule: { ...place, chain: 'watch', handle: 902, expr: [...match, { drop: null }] } },
  ];
}

const udpPort = (port: number): Row => ({
  match: { op: '==', left: { payload: { protocol: 'udp', field: 'dport' } }, right: port },
});

describe('a table of the bridge family', () => {
  it('drops what the bridge carries from port to port, and not what is routed', async () => {
    const tcp: Row = { match: { op: '==', left: { meta: { key: 'l4proto' } }, right: 'tcp' } };
    const icmp: Row = { match: { op: '==', left: { meta: { key: 'l4proto' } }, right: 'icmp' } };
    const files = withTable(await readBundle('healthy'), 'node-1', [
      ...dropping('bridge', 'forward', [tcp]),
      {
        rule: { family: 'bridge', table: 'guard', chain: 'watch', handle: 903, expr: [icmp, { drop: null }] },
      },
    ]);
    const { answer } = judgeFiles(files);
    const failing = answer.flows.list.filter(({ verdict }) => verdict === 'fails').map(({ label }) => label);
    expect(failing.length).toBeGreaterThan(0);
    expect(failing.every((label) => /^default\/web-node-1 → kube-system\/coredns/.test(label))).toBe(true);
    expect(answer.rootCauses.map(({ subjects }) => subjects[0])).toEqual(['node/node-1']);
  });
});

describe('a table of a device', () => {
  it('drops what comes in by it', async () => {
    const files = await readBundle('healthy');
    const path = 'nodes/node-2/nft.txt';
    const table = `table netdev guard { # handle 900
	chain watch { # handle 901
		type filter hook ingress device "eth0" priority filter; policy accept;
		udp dport 8472 drop # handle 902
	}
}
`;
    const listed = withFile(files, path, `${files.has(path) ? textOf(files, path) : ''}${table}`);
    const { answer } = judgeFiles(withoutFiles(listed, (name) => name === 'nodes/node-2/nft.json'));
    expect(answer.verdict).toBe('broken');
    expect(answer.rootCauses.map(({ subjects }) => subjects)).toEqual([['node/node-2']]);
    expect(JSON.stringify(answer.rootCauses[0]?.evidence)).toContain('udp dport 8472 drop');
  });

  it('leaves unknown what it could drop, where nobody says which device it is', async () => {
    const files = withTable(
      await readBundle('healthy'),
      'node-2',
      dropping('netdev', 'ingress', [udpPort(8472)]),
    );
    const { answer } = judgeFiles(files);
    expect(answer.rootCauses).toEqual([]);
    const open = answer.flows.list.filter(({ verdict }) => verdict === 'unknown');
    expect(open.length).toBeGreaterThan(0);
    expect(open.length).toBeLessThan(answer.flows.intended);
    expect(answer.unknowns.map(({ question }) => question).join(' ')).toContain('which device is the chain');
  });
});
