// Rules that real programs wrote, as the tools restore them, for the router of the netfilter oracle: the recorded node's
// addresses are exchanged for those of the oracle's machines, rule by rule otherwise as recorded. In: a recording. Out: the
// texts and their tools, and what the rules are about.
import { readFile } from 'node:fs/promises';
import type { Aims } from './netfilter-flows.ts';
import type { FilterPart } from './netfilter-world.ts';
import { readRecordedCluster } from './recorded-cluster.ts';

export interface RecordedParts {
  readonly parts: readonly FilterPart[];
  readonly aims: Aims;
}

/** Of node n2: its own pods become the router's, the others' pods those of the hosts behind it. */
const clusterAddresses: Readonly<Record<string, string>> = {
  '10.42.1.11': '10.42.0.11',
  '10.42.1.31': '10.42.0.12',
  '10.42.1.0': '10.42.0.0',
  '10.42.3.12': '10.42.2.5',
  '10.42.0.10': '10.42.2.6',
  '10.42.0.20': '10.42.2.130',
  '10.42.0.30': '10.42.1.5',
  '10.42.3.32': '10.42.1.77',
  '192.168.50.11': '192.168.8.2',
  '192.168.50.12': '192.168.7.1',
  '192.168.50.13': '192.168.7.2',
  '192.168.50.0': '192.168.7.0',
};

const tailnetAddresses: Readonly<Record<string, string>> = {
  '100.64.0.2': '100.64.0.7',
  '100.64.0.3': '100.64.0.7',
  '10.42.1.0': '10.42.0.0',
  '10.42.3.0': '10.42.0.0',
  '10.42.3.10': '10.42.2.5',
};

function exchange(text: string, addresses: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\d+\.\d+\.\d+\.\d+/g, (address) => addresses[address] ?? address);
}

/** The accounting object that the match counts in was made by another tool, and always matches. */
function withoutAccounting(text: string): string {
  return text.replaceAll(/ -m nfacct --nfacct-name +\S+/g, '');
}

const clusterAims: Aims = {
  destinations: [
    ...['10.43.0.1', '10.43.0.10', '10.43.18.145', '10.43.60.29', '10.43.77.77', '10.43.80.202'],
    ...['10.43.137.235', '10.43.185.94', '10.43.247.232', '192.168.7.1', '192.168.8.1', '10.42.0.1'],
    ...['10.42.0.11', '10.42.0.12', '10.42.2.5', '10.42.1.5'],
  ],
  ports: [53, 80, 81, 443, 8000, 8443, 9153, 30080, 30081, 30082, 31083, 31234],
};

export async function readClusterParts(name: string): Promise<RecordedParts> {
  const { files } = await readRecordedCluster(name);
  const text = (file: string): string => {
    const found = files.find((each) => each.path === `nodes/n2/${file}`);
    if (found === undefined) throw new Error(`${file} is not in the recording ${name}`);
    return exchange(withoutAccounting(found.text()), clusterAddresses);
  };
  const native = keepKubeProxy(text('nft.json'));
  return {
    parts: [
      { command: 'ipset -exist restore', text: text('ipset.txt') },
      { command: 'iptables-nft-restore', text: text('iptables-nft-save.txt') },
      { command: 'ip6tables-nft-restore', text: text('ip6tables-nft-save.txt') },
      ...(native === undefined ? [] : [{ command: 'nft -j -f -', text: native }]),
    ],
    aims: clusterAims,
  };
}

/** What iptables-nft holds is restored as its own; of the rest there is kube-proxy's table, or nothing. */
function keepKubeProxy(json: string): string | undefined {
  const { nftables } = JSON.parse(json) as { nftables: Record<string, { table?: string; name?: string }>[] };
  const own = nftables.filter((row) => {
    const { table, chain, set, map, rule } = row;
    return (
      table?.name === 'kube-proxy' || [chain, set, map, rule].some((each) => each?.table === 'kube-proxy')
    );
  });
  // Maps lead to chains, and nft takes what it reads in order.
  const ordered = ['table', 'chain', 'set', 'map', 'rule'].flatMap((kind) =>
    own.filter((row) => kind in row),
  );
  return own.length === 0 ? undefined : JSON.stringify({ nftables: ordered });
}

export async function readTailnetParts(mode: 'iptables' | 'nftables'): Promise<RecordedParts> {
  const read = async (file: string): Promise<string> => {
    const path = new URL(`../fixtures/netfilter/${file}`, import.meta.url);
    return exchange(await readFile(path, 'utf8'), tailnetAddresses);
  };
  const parts =
    mode === 'nftables'
      ? [{ command: 'nft -f -', text: await read('tailscale-nft.txt') }]
      : [
          { command: 'iptables-nft-restore', text: await read('tailscale-iptables-save.txt') },
          { command: 'ip6tables-nft-restore', text: await read('tailscale-ip6tables-save.txt') },
        ];
  return {
    parts,
    aims: {
      destinations: ['10.43.0.80', '100.64.0.7', '10.42.2.5', '10.42.0.11', '100.64.2.5'],
      ports: [22, 80, 443, 8080, 41641],
    },
  };
}
