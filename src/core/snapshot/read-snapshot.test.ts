import { describe, expect, test } from 'vitest';
import { makeFile, makeJsonFile, snapshotOf } from '../../../test/evidence/make-file.ts';
import { sampleFiles } from '../../../test/evidence/sample-bundle.ts';
import type { Known } from '../fact/known.ts';
import { resourceOf } from './cluster-facts.ts';
import { createSnapshotReader } from './read-snapshot.ts';
import type { Snapshot } from './snapshot.ts';

const manifest = (...items: readonly object[]): ReturnType<typeof makeFile> =>
  makeJsonFile('waylaid.json', { format: 'waylaid-evidence/1', items });

const rules = '0:\tfrom all lookup local proto kernel\n5270:\tfrom all lookup 52 proto unspec\n';
const texts = (snapshot: Snapshot): readonly string[] => snapshot.notes.map((note) => note.text);

function valueOf<T>(fact: Known<T> | undefined): T {
  if (fact?.known !== true)
    throw new Error(`${fact?.path ?? ''} is ${fact?.reason ?? 'not there'} ${fact?.detail ?? ''}`);
  return fact.value;
}

describe('a bundle', () => {
  const snapshot = snapshotOf(sampleFiles());

  test('machines, pods, and namespaces that nobody could name', () => {
    expect([...snapshot.nodes.keys()]).toEqual(['n1', 'n2']);
    expect([...snapshot.hosts.keys()]).toEqual(['nas']);
    const n1 = snapshot.nodes.get('n1')!;
    expect([...n1.pods.keys()]).toEqual(['swimto/api-7d9']);
    expect(n1.pods.get('swimto/api-7d9')?.path).toBe('nodes/n1/pods/swimto_api-7d9');
    expect([...n1.unnamedNamespaces.keys()]).toEqual(['netns_4026']);
    expect(snapshot.hosts.get('nas')?.kind).toBe('host');
    expect(snapshot.unreachable).toEqual(new Map([['n3', 'ssh could not connect']]));
  });

  test("tables are numbers by the machine's own names, in its pods too; a name that nobody explains stays", () => {
    const n1 = snapshot.nodes.get('n1')!;
    expect(valueOf(n1.pods.get('swimto/api-7d9')?.routes[4])[0]?.table).toBe('77');
    expect(valueOf(snapshot.nodes.get('n2')?.root.rules[4])[1]?.action).toEqual({
      kind: 'lookup',
      table: 'tailscale',
    });
  });

  test('what bridge says is in the links', () => {
    const link = valueOf(snapshot.nodes.get('n1')?.root.links).find(({ name }) => name === 'v0');
    expect(link).toMatchObject({ isHairpin: true, isForwarding: false, isIsolated: false });
  });

  test('logs, command lines and the rest of a machine', () => {
    const n1 = snapshot.nodes.get('n1')!;
    expect([...n1.journals.keys()]).toEqual(['k3s', 'tailscaled']);
    expect(valueOf(n1.journals.get('k3s')).map((line) => line.text)).toEqual(['one', 'two']);
    expect(valueOf(n1.commandLines.get('k3s'))).toEqual(['/usr/local/bin/k3s', 'agent']);
    expect(valueOf(n1.kernel)).toBe('Linux n1 6.18.0');
    expect(valueOf(n1.tailscale.prefs).routeAll).toBe(true);
  });

  test('the cluster', () => {
    const { cluster } = snapshot;
    expect(cluster.name).toBe('homelab');
    expect(valueOf(cluster.version)).toBe('v1.36.3+k3s1');
    expect(valueOf(cluster.pods)[0]).toMatchObject({ name: 'api-7d9', ips: ['10.42.1.7'] });
    expect(cluster.logs.map((log) => [log.container, log.isPrevious])).toEqual([
      ['api', false],
      ['api', true],
    ]);
    expect(resourceOf(cluster, 'secrets')).toMatchObject({ known: false, reason: 'forbidden' });
    expect(resourceOf(cluster, 'ingresses.networking.k8s.io')).toMatchObject({
      known: false,
      reason: 'not-collected',
    });
    expect(valueOf(snapshot.tailnet.get('policy.hujson'))).toEqual({ acls: [] });
    expect(snapshot.probes[0]).toMatchObject({ id: 'p1', to: { ip: '10.42.2.17' }, stage: 'connect' });
  });
});

describe('what is missing', () => {
  test('a file that nobody listed is not collected, with the command that would settle it', () => {
    const { root } = snapshotOf([makeFile('nodes/n1/ip-rule-4.txt', rules)]).nodes.get('n1')!;
    expect(root.routes[6]).toEqual({
      known: false,
      reason: 'not-collected',
      path: 'nodes/n1/ip-route-6.json',
      command: ['ip', '-j', '-d', '-6', 'route', 'show', 'table', 'all'],
    });
  });

  test('a file that could not be had is missing for the reason in the manifest', () => {
    const item = {
      path: 'nodes/n1/ss.txt',
      argv: ['ss', '-tulpn'],
      exit: 127,
      problem: 'not-installed',
      detail: 'no ss',
    };
    const { root } = snapshotOf([makeFile('nodes/n1/uname.txt', 'Linux\n'), manifest(item)]).nodes.get('n1')!;
    expect(root.sockets).toEqual({
      known: false,
      reason: 'not-installed',
      path: 'nodes/n1/ss.txt',
      detail: 'no ss',
      command: ['ss', '-tulpn'],
    });
  });

  test('a file whose command failed is missing, whatever it seems to say; one whose problem has a new name too', () => {
    const files = [makeFile('nodes/n1/ip-rule-4.txt', rules), makeJsonFile('nodes/n1/ip-route-4.json', [])];
    const items = [
      { path: 'nodes/n1/ip-rule-4.txt', exit: 2 },
      { path: 'nodes/n1/ip-route-4.json', problem: 'bewitched' },
    ];
    const { root } = snapshotOf([...files, manifest(...items)]).nodes.get('n1')!;
    expect(root.rules[4]).toMatchObject({ reason: 'failed', detail: 'the command ended with exit code 2' });
    expect(root.routes[4]).toMatchObject({ reason: 'failed' });
  });

  test('a truncated table is missing, and a truncated log is used as far as it goes', () => {
    const items = [
      { path: 'nodes/n1/ip-rule-4.txt', problem: 'truncated' },
      { path: 'nodes/n1/journal/k3s.log', problem: 'truncated' },
      { path: 'nodes/n1/sysctl.txt', exit: 1 },
    ];
    const files = [
      makeFile('nodes/n1/ip-rule-4.txt', rules),
      makeFile('nodes/n1/journal/k3s.log', 'whole\nha'),
      makeFile('nodes/n1/sysctl.txt', 'net.ipv4.ip_forward = 1\n'),
    ];
    const snapshot = snapshotOf([...files, manifest(...items)]);
    const n1 = snapshot.nodes.get('n1')!;
    expect(n1.root.rules[4]).toMatchObject({
      reason: 'truncated',
      detail: `cut off at byte ${rules.length}`,
    });
    expect(valueOf(n1.journals.get('k3s')).map((line) => line.text)).toEqual(['whole', 'ha']);
    expect(valueOf(n1.root.sysctls).get('net.ipv4.ip_forward')?.value).toBe('1');
    expect(texts(snapshot)).toEqual([
      `nodes/n1/ip-rule-4.txt is cut off at byte ${rules.length}; its rules count as unknown.`,
    ]);
  });

  test('a problem with a whole machine says why it is not there', () => {
    const snapshot = snapshotOf([
      makeFile('nodes/n1/ip-rule-4.txt', rules),
      manifest(
        { path: 'nodes/n4/', problem: 'unreachable', detail: 'no route to host' },
        { path: 'nodes/n5', problem: 'timed-out' },
        { path: 'nodes/n6/ip-link.json', problem: 'forbidden', detail: 'sudo' },
        { path: 'nodes/n6/ip-addr.json', problem: 'forbidden', detail: 'later' },
        { path: 'nodes/n1/pods/', problem: 'forbidden' },
      ),
    ]);
    expect([...snapshot.nodes.keys()]).toEqual(['n1']);
    expect([...snapshot.unreachable]).toEqual([
      ['n4', 'no route to host'],
      ['n5', 'timed-out'],
      ['n6', 'later'],
    ]);
  });

  test('a problem with a folder is the reason of what is missing in it, and not of what came', () => {
    const snapshot = snapshotOf([
      makeFile('nodes/n1/ip-rule-4.txt', rules),
      manifest(
        { path: 'nodes/n1/', problem: 'timed-out', detail: 'gone' },
        { path: 'cluster/', problem: 'forbidden' },
      ),
    ]);
    const { root } = snapshot.nodes.get('n1')!;
    expect(root.rules[4].known).toBe(true);
    expect(root.routes[4]).toMatchObject({ reason: 'timed-out', detail: 'gone' });
    expect(snapshot.cluster.pods).toMatchObject({ reason: 'forbidden', path: 'cluster/resources/pods.json' });
  });
});

describe('empty files', () => {
  const empty = (name: string, ...items: readonly object[]): ReturnType<typeof snapshotOf> =>
    snapshotOf([makeFile(`nodes/n1/${name}`, ''), manifest(...items)]);
  const listed = (name: string, exit: number): object => ({ path: `nodes/n1/${name}`, exit });
  const root = (snapshot: Snapshot): Snapshot['nodes'] extends ReadonlyMap<string, infer M> ? M : never =>
    snapshot.nodes.get('n1')!;

  test('no bytes of JSON are no answer, even if the command says that all was well', () => {
    expect(root(empty('ip-route-4.json', listed('ip-route-4.json', 0))).root.routes[4]).toMatchObject({
      reason: 'not-collected',
      detail: 'empty',
    });
    expect(root(empty('tailscale-status.json')).tailscale.status.known).toBe(false);
  });

  test('no sockets are an answer, unless the command failed', () => {
    expect(valueOf(root(empty('ss.txt')).root.sockets)).toEqual([]);
    expect(valueOf(root(empty('ss.txt', listed('ss.txt', 0))).root.sockets)).toEqual([]);
    expect(root(empty('ss.txt', listed('ss.txt', 1))).root.sockets).toMatchObject({ reason: 'failed' });
  });

  test('no neighbours as text are an answer only where the manifest says that the command ended well', () => {
    expect(root(empty('ip-neigh.txt')).root.neighbors).toMatchObject({ reason: 'not-collected' });
    expect(valueOf(root(empty('ip-neigh.txt', listed('ip-neigh.txt', 0))).root.neighbors)).toEqual([]);
  });

  test('there are always rules, links and addresses', () => {
    expect(root(empty('ip-rule-4.txt', listed('ip-rule-4.txt', 0))).root.rules[4].known).toBe(false);
    expect(root(empty('ip-link.txt', listed('ip-link.txt', 0))).root.links.known).toBe(false);
    expect(root(empty('ip-addr.txt', listed('ip-addr.txt', 0))).root.addresses.known).toBe(false);
  });

  test('an empty list in JSON is an answer', () => {
    const snapshot = snapshotOf([makeFile('nodes/n1/ip-neigh.json', '[]\n')]);
    expect(valueOf(snapshot.nodes.get('n1')?.root.neighbors)).toEqual([]);
  });
});

describe('two forms of one fact', () => {
  const json = makeJsonFile('nodes/n1/ip-rule-4.json', [{ priority: 1, src: 'all', table: 'main' }]);
  const text = makeFile('nodes/n1/ip-rule-4.txt', rules);
  const read = (...files: readonly ReturnType<typeof makeFile>[]): Snapshot => snapshotOf(files);

  test('JSON wins, whichever comes first', () => {
    for (const snapshot of [read(json, text), read(text, json)]) {
      expect(valueOf(snapshot.nodes.get('n1')?.root.rules[4])).toHaveLength(1);
    }
  });

  test('text is used where the JSON cannot be read, and the note says so', () => {
    const snapshot = read(makeFile(json.path, '[{"priority":0,"src":"al'), text);
    expect(valueOf(snapshot.nodes.get('n1')?.root.rules[4])).toHaveLength(2);
    expect(texts(snapshot)).toEqual([
      'nodes/n1/ip-rule-4.json is cut off at byte 24; nodes/n1/ip-rule-4.txt is used instead.',
    ]);
  });

  test('text is used where the JSON could not be had', () => {
    const snapshot = read(manifest({ path: json.path, exit: 255, problem: 'failed' }), text);
    expect(valueOf(snapshot.nodes.get('n1')?.root.rules[4])).toHaveLength(2);
    expect(snapshot.notes).toEqual([]);
  });

  test('where neither can be read the rules are unknown and both are named', () => {
    const snapshot = read(makeFile(json.path, '['), makeFile(text.path, 'bash: ip: command not found\n'));
    expect(snapshot.nodes.get('n1')?.root.rules[4]).toMatchObject({
      known: false,
      reason: 'unparseable',
      path: json.path,
      detail: 'cut off at byte 1',
    });
    expect(texts(snapshot)).toEqual([
      'nodes/n1/ip-rule-4.json is cut off at byte 1; its rules count as unknown.',
      'nodes/n1/ip-rule-4.txt is not understood at line 1; its rules count as unknown.',
    ]);
  });
});

describe('names that stand twice', () => {
  test('two nodes that differ in case: the lower is used, whichever comes first', () => {
    const files = [
      makeFile('nodes/Node-1/uname.txt', 'upper\n'),
      makeFile('nodes/node-1/uname.txt', 'lower\n'),
      makeFile('hosts/NODE-1/uname.txt', 'host\n'),
    ];
    for (const order of [files, [...files].reverse()]) {
      const snapshot = snapshotOf(order);
      expect([...snapshot.nodes.keys()]).toEqual(['node-1']);
      expect(snapshot.hosts.size).toBe(0);
      expect(snapshot.notes.map((note) => [note.code, note.text])).toEqual([
        [
          'duplicate-name',
          'hosts/NODE-1 has the name of nodes/node-1; the files of nodes/node-1 are used and those of hosts/NODE-1 ignored.',
        ],
        [
          'duplicate-name',
          'nodes/Node-1 has the name of nodes/node-1; the files of nodes/node-1 are used and those of nodes/Node-1 ignored.',
        ],
      ]);
    }
  });

  test('one path twice: neither can be believed', () => {
    const snapshot = snapshotOf([
      makeFile('nodes/n1/ip-rule-4.txt', rules),
      makeFile('nodes/n1/ip-rule-4.txt', rules),
    ]);
    expect(snapshot.nodes.get('n1')?.root.rules[4]).toMatchObject({ reason: 'unparseable' });
    expect(snapshot.notes).toEqual([
      {
        code: 'duplicate-name',
        path: 'nodes/n1/ip-rule-4.txt',
        text: 'nodes/n1/ip-rule-4.txt is in the bundle more than once; its rules count as unknown.',
      },
    ]);
  });
});

describe('the manifest', () => {
  test('without one the bundle is read all the same', () => {
    const snapshot = snapshotOf([makeFile('nodes/n1/ip-rule-4.txt', rules)]);
    expect(snapshot.manifest).toMatchObject({ known: false, reason: 'not-collected', path: 'waylaid.json' });
    expect(valueOf(snapshot.nodes.get('n1')?.root.rules[4])).toHaveLength(2);
    expect(snapshot.notes).toEqual([]);
  });

  test('a damaged one is named, and the bundle is read all the same', () => {
    const snapshot = snapshotOf([
      makeFile('waylaid.json', '{"format": "way'),
      makeFile('nodes/n1/ip-rule-4.txt', rules),
    ]);
    expect(texts(snapshot)).toEqual(['waylaid.json is cut off at byte 15; its items count as unknown.']);
    expect(snapshot.nodes.get('n1')?.root.rules[4].known).toBe(true);
  });

  test('a later format is read as far as it is known, and the note says what to do', () => {
    const later = makeJsonFile('waylaid.json', {
      format: 'waylaid-evidence/2',
      aKeyOfTheFuture: [1],
      cluster: { name: 'c' },
      items: [{ path: 'nodes/n1/ss.txt', exit: 127, problem: 'not-installed', shiny: true }, 7, {}],
    });
    const snapshot = snapshotOf([later, makeFile('nodes/n1/ip-rule-4.txt', rules)]);
    expect(snapshot.nodes.get('n1')?.root.sockets).toMatchObject({ reason: 'not-installed' });
    expect(snapshot.cluster.name).toBe('c');
    expect(snapshot.notes.map((note) => [note.code, note.text])).toEqual([
      ['ignored-entry', 'waylaid.json/items/1 names no path; it is ignored.'],
      ['ignored-entry', 'waylaid.json/items/2 names no path; it is ignored.'],
      [
        'unknown-format',
        'waylaid.json says waylaid-evidence/2, and this waylaid knows waylaid-evidence/1: what it knows of is read, the rest is not. Update waylaid to read all of it.',
      ],
    ]);
  });
});

test('an empty bundle is a snapshot in which nothing is known', () => {
  const snapshot = createSnapshotReader().finish();
  expect(snapshot.nodes.size + snapshot.hosts.size + snapshot.probes.length + snapshot.notes.length).toBe(0);
  expect(snapshot.cluster.pods).toMatchObject({ known: false, reason: 'not-collected' });
});

test("what the bundle's opener has to say comes with the notes", () => {
  const note = { code: 'truncated-archive', path: 'x.tar', text: 'x.tar ends early.' } as const;
  expect(createSnapshotReader().finish([note]).notes).toEqual([note]);
});

test('files of other kinds, and odd paths, are passed over', () => {
  const paths = [
    '',
    'README',
    'nodes/x',
    'nodes//y',
    'cluster/resources/a/b.json',
    'cluster/logs/x.log',
    'tailnet/x.txt',
    'nodes/n1/crictl.txt',
  ];
  const snapshot = snapshotOf(paths.map((path) => makeFile(path, '\0garbage')));
  expect([...snapshot.nodes.keys()]).toEqual(['n1']);
  expect(snapshot.notes).toEqual([]);
});

test('a line of probes that is none is ignored by itself', () => {
  const text = '{"from":{},"to":{},"stage":"connect","outcome":"ok"}\nnonsense\n\n{"from":{}}\n';
  const snapshot = snapshotOf([makeFile('probes.jsonl', text)]);
  expect(snapshot.probes).toHaveLength(1);
  expect(texts(snapshot)).toEqual([
    'probes.jsonl is not a probe at line 2; the line is ignored.',
    'probes.jsonl is not a probe at line 4; the line is ignored.',
  ]);
});
