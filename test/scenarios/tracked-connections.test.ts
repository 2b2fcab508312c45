// What depends on the connections that machines remember: an answer that a bridge carries past the chains, an entry that
// still leads to a pod that is gone, and packets that are too big where nobody hears so. Each on a recorded healthy cluster
// with one fact changed, and each with a twin that looks alike and works.
import { describe, expect, it } from 'vitest';
import { judgeFiles, readBundle, textOf, withFile } from './recorded-bundle.ts';
import type { Files, Judged } from './recorded-bundle.ts';

function rewrite(files: Files, path: string, change: (text: string) => string): Files {
  const before = textOf(files, path);
  const after = change(before);
  expect(after).not.toBe(before);
  return withFile(files, path, after);
}

function setKey(files: Files, node: string, key: string, value: string | undefined): Files {
  return rewrite(files, `nodes/${node}/sysctl.txt`, (text) =>
    text.replace(
      new RegExp(`^${key.replaceAll('.', '\\.')} = .*\\n`, 'm'),
      value === undefined ? '' : `${key} = ${value}\n`,
    ),
  );
}

function codesOf({ answer }: Judged): readonly string[] {
  return answer.rootCauses.map(({ code, subjects }) => `${code} ${subjects.join(' ')}`);
}

describe('a bridge that carries answers past the chains', () => {
  const key = 'net.bridge.bridge-nf-call-iptables';

  it('is the cause where a Service and its client share a node', async () => {
    const judged = judgeFiles(setKey(await readBundle('healthy'), 'node-1', key, '0'));
    expect(codesOf(judged)).toEqual(['bridge-netfilter-off node/node-1']);
    const failing = judged.answer.flows.list.filter(({ verdict }) => verdict === 'fails');
    expect(failing.map(({ label }) => label)).toEqual(['default/web-node-1 → kube-dns']);
  });

  it('does nothing on a node without endpoints of a Service that is asked for', async () => {
    const judged = judgeFiles(setKey(await readBundle('healthy'), 'node-3', key, '0'));
    expect(codesOf(judged)).toEqual([]);
    expect(judged.answer.verdict).toBe('healthy');
  });

  it('makes exactly the flows unknown that it would decide, where nobody knows the setting', async () => {
    const { answer } = judgeFiles(setKey(await readBundle('healthy'), 'node-1', key, undefined));
    expect(answer.verdict).toBe('unknown');
    expect(answer.rootCauses).toEqual([]);
    const open = answer.flows.list.filter(({ verdict }) => verdict === 'unknown');
    expect(open.map(({ label }) => label)).toEqual(['default/web-node-1 → kube-dns']);
    expect(answer.unknowns.map(({ question }) => question).join(' ')).toContain(key);
  });
});

describe('an entry of the connection table', () => {
  const entry = (client: string, endpoint: string, flags: string): string =>
    `ipv4     2 udp      17 29 src=${client} dst=10.43.0.10 sport=41000 dport=53 ${flags}src=${endpoint} dst=${client} sport=53 dport=41000 mark=0 use=1\n`;

  function addEntry(files: Files, line: string): Files {
    const path = 'nodes/node-2/conntrack.txt';
    return withFile(files, path, `${files.has(path) ? textOf(files, path) : ''}${line}`);
  }

  function clientOf(files: Files): string {
    const pods = JSON.parse(textOf(files, 'cluster/resources/pods.json')) as {
      readonly items: readonly {
        readonly metadata: { readonly name: string };
        readonly status: { readonly podIP: string };
      }[];
    };
    return pods.items.find(({ metadata }) => metadata.name === 'web-node-2')?.status.podIP ?? '';
  }

  it('is the cause where a program keeps its port and the entry leads to a pod that is gone', async () => {
    const files = await readBundle('healthy');
    const judged = judgeFiles(addEntry(files, entry(clientOf(files), '10.42.0.99', '[UNREPLIED] ')));
    expect(codesOf(judged)).toEqual(['stale-connection node/node-2']);
    expect(judged.answer.rootCauses[0]?.breaks.intents.join(' ')).toContain('port 41000');
  });

  it.each([
    ['it was answered: a past question', '10.42.0.99', ''],
    ['it leads to an endpoint', '10.42.0.3', '[UNREPLIED] '],
    ['it is of a zone that ordinary packets are not of', '10.42.0.99', '[UNREPLIED] zone=7 '],
  ])('is none where %s', async (_, endpoint, flags) => {
    const files = await readBundle('healthy');
    const judged = judgeFiles(addEntry(files, entry(clientOf(files), endpoint, flags)));
    expect(judged.answer.verdict).toBe('healthy');
  });
});

describe('packets that are too big', () => {
  function narrow(files: Files, node: string, link: string, mtuBytes: number): Files {
    return rewrite(files, `nodes/${node}/ip-link.json`, (text) =>
      JSON.stringify(
        (JSON.parse(text) as { ifname: string; mtu: number }[]).map((row) =>
          row.ifname === link ? { ...row, mtu: mtuBytes } : row,
        ),
      ),
    );
  }

  it('are sent smaller where the sender is told', async () => {
    // The overlay's device takes less than the pods' own; the node answers, and the pod hears it.
    const { answer } = judgeFiles(narrow(await readBundle('healthy'), 'node-2', 'flannel.1', 1400));
    expect(answer.rootCauses).toEqual([]);
    const big = answer.flows.list.filter(({ label }) => label.includes('bytes'));
    expect(big.length).toBeGreaterThan(0);
    expect(big.every(({ verdict }) => verdict === 'arrives')).toBe(true);
  });

  it('are lost where a device of the way takes them without a word, and small ones arrive', async () => {
    const { answer } = judgeFiles(narrow(await readBundle('healthy'), 'node-2', 'eth0', 1400));
    expect(answer.verdict).toBe('broken');
    expect(answer.rootCauses.map(({ code, layer }) => `${code} ${layer}`)).toEqual([
      'path-mtu-exceeded encap-mtu',
    ]);
    const failing = answer.flows.list.filter(({ verdict }) => verdict === 'fails');
    expect(failing.every(({ label }) => label.includes('bytes'))).toBe(true);
    expect(answer.rootCauses[0]?.explanation).toMatch(/14[05]0|1350/);
  });

  it('are not sent where a rule lowers what the two ends agree on', async () => {
    const rule = '-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1200';
    const files = ['iptables-save.txt', 'iptables-nft-save.txt'].reduce(
      (sofar, name) =>
        rewrite(sofar, `nodes/node-2/${name}`, (text) =>
          text.replace(/^(\*mangle\n(?::.*\n)+)/m, `$1${rule}\n`),
        ),
      narrow(await readBundle('healthy'), 'node-2', 'eth0', 1400),
    );
    const { answer } = judgeFiles(files);
    const forwarded = answer.flows.list.filter(
      ({ kind, label, to }) => kind === 'pod-to-pod' && label.includes('bytes') && to.protocol === 'tcp',
    );
    expect(forwarded.length).toBeGreaterThan(0);
    expect(forwarded.filter(({ verdict }) => verdict !== 'arrives')).toEqual([]);
  });

  it('are asked about where nobody knows whether TCP looks for a size that passes', async () => {
    const files = narrow(await readBundle('healthy'), 'node-2', 'eth0', 1400);
    const { answer } = judgeFiles(
      [...files.keys()]
        .filter((path) => path.endsWith('/sysctl.txt'))
        .reduce(
          (sofar, path) =>
            withFile(sofar, path, textOf(sofar, path).replace(/^net\.ipv4\.tcp_mtu_probing.*\n/m, '')),
          files,
        ),
    );
    expect(answer.rootCauses.map(({ confidence }) => confidence)).not.toContain('proven');
    expect(answer.unknowns.map(({ question }) => question).join(' ')).toContain('tcp_mtu_probing');
  });

  it('are what a probe that must not be cut asks for', async () => {
    const files = narrow(await readBundle('healthy'), 'node-2', 'eth0', 1400);
    const pods = JSON.parse(textOf(files, 'cluster/resources/pods.json')) as {
      readonly items: readonly { metadata: { name: string }; status: { podIP: string } }[];
    };
    const ip = pods.items.find(({ metadata }) => metadata.name === 'web-node-2')?.status.podIP;
    const probe = (size: number, outcome: string): string =>
      JSON.stringify({
        id: `size-${size}`,
        from: { pod: 'default/web-node-1' },
        to: { ip, proto: 'icmp' },
        size,
        df: true,
        stage: 'connect',
        outcome,
      });
    const { answer } = judgeFiles(
      withFile(files, 'probes.jsonl', `${probe(1400, 'timeout')}\n${probe(1200, 'ok')}\n`),
    );
    const verdicts = answer.flows.list
      .filter(({ kind }) => kind === 'probe')
      .map(({ label, verdict }) => `${/size-\d+/.exec(label)?.[0] ?? ''} ${verdict}`);
    expect(verdicts).toEqual(['size-1400 fails', 'size-1200 arrives']);
  });
});
