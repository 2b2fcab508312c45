// The commands of a change, run by the real tools in a network namespace of their own: what they do is what the model did,
// and the undo brings back what was there. So the words of format-routing.ts are words that iproute2 takes.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { TestContext } from 'vitest';
import { makeFile, snapshotOf } from '../evidence/make-file.ts';
import { parseAddress } from '../../src/core/net/address.ts';
import type { Address } from '../../src/core/net/address.ts';
import { commandsOf } from '../../src/core/repair/commands.ts';
import type { RepairCommand } from '../../src/core/repair/plan.ts';
import { shellWords } from '../../src/core/repair/draft.ts';
import { applyChanges } from '../../src/core/snapshot/apply-changes.ts';
import type { Change } from '../../src/core/snapshot/change.ts';
import { formatRoute, formatRule } from '../../src/core/snapshot/format-routing.ts';
import type { NamespaceFacts } from '../../src/core/snapshot/namespace-facts.ts';
import type { Snapshot } from '../../src/core/snapshot/snapshot.ts';

const setup = [
  // No addresses that the kernel would make up, nor MACs that differ from run to run.
  'sysctl -qw net.ipv6.conf.default.addr_gen_mode=1',
  'ip link set lo up',
  'ip link add eth0 address 02:00:00:00:00:01 type veth peer name far0 address 02:00:00:00:00:02',
  'ip link add eth1 address 02:00:00:00:00:03 type veth peer name far1 address 02:00:00:00:00:04',
  'ip link set far0 up',
  'ip link set far1 up',
  'ip addr add 192.168.1.11/24 dev eth0',
  'ip addr add fd00:1::11/64 dev eth0 nodad',
  'ip addr add 10.9.0.1/24 dev eth1',
  'ip link set eth0 up',
  'ip link set eth1 up',
  'ip link add flannel.1 address 02:03:00:00:00:01 type vxlan id 1 local 192.168.1.11 dev eth0 dstport 8472 nolearning',
  'ip addr add 10.42.1.0/32 dev flannel.1',
  'ip link set flannel.1 up',
  'ip route add default via 192.168.1.1 dev eth0 proto static metric 100',
  'ip route add 10.42.2.0/24 via 10.42.2.0 dev flannel.1 onlink',
  'ip route add 10.42.0.0/16 dev eth1 table 52',
  'ip route add throw 10.63.0.0/16 table 52',
  'ip route add blackhole 10.60.0.0/16 proto bird',
  'ip route add unreachable 10.61.0.0/16 metric 4278198272',
  'ip route add prohibit 10.62.0.0/16 table 1000',
  'ip route add 10.64.0.0/16 dev eth0 scope link src 192.168.1.11 table 1000',
  'ip route add 10.65.0.0/16 tos 0x10 via 192.168.1.1 dev eth0',
  'ip route add 10.66.0.0/16 via 192.168.1.1 dev eth0 mtu 1300',
  'ip route add 10.67.0.9/32 dev eth1 proto kernel',
  'ip route add 10.68.0.0/16 nexthop via 192.168.1.1 dev eth0 weight 3 nexthop via 10.9.0.7 dev eth1 weight 1',
  'ip route add 10.69.0.0/16 proto static nexthop via 192.168.1.1 dev eth0 weight 1 nexthop dev eth1 weight 1',
  'ip route add local 10.70.0.0/16 dev lo table 2004',
  'ip -6 route add default via fd00:1::1 dev eth0 metric 1024 pref high',
  'ip -6 route add fd42::/16 dev eth1 table 52',
  'ip -6 route add fd43::/16 via fd00:1::7 dev eth0 mtu 1300 proto static',
  'ip -6 route add fd44::/16 from fd00:9::/64 dev eth0',
  'ip -6 route add unreachable fd45::/16 metric 4278198272',
];

/** Apart from the routes: the kernel looks gateways up by the rules, and these would forbid some. */
const rules = [
  'ip rule add fwmark 0x80000/0xff0000 priority 5210 lookup main',
  'ip rule add priority 5270 lookup 52',
  'ip rule add fwmark 0x7 priority 5250 unreachable',
  'ip rule add from 10.42.1.0/24 to 10.42.0.0/16 priority 100 lookup 1000',
  'ip rule add to 192.168.1.7 iif eth1 priority 101 lookup 1000',
  'ip rule add oif eth1 tos 0x10 priority 102 blackhole',
  'ip rule add not from 10.0.0.0/8 priority 103 prohibit',
  'ip rule add ipproto udp dport 53 priority 104 lookup 52',
  'ip rule add ipproto tcp sport 1000-2000 priority 105 lookup 52',
  'ip rule add uidrange 0-1000 priority 106 lookup 52',
  'ip rule add priority 107 goto 5270',
  'ip rule add priority 108 lookup main suppress_prefixlength 0',
  'ip rule add priority 109 nop',
  'ip -6 rule add from fd00:9::/64 priority 5270 lookup 52',
  'ip -6 rule add to fd42::/16 priority 100 lookup main',
];

const entries = [
  'ip neigh add 10.42.2.0 lladdr 02:03:00:00:00:02 dev flannel.1 nud permanent',
  'bridge fdb append 02:03:00:00:00:02 dev flannel.1 dst 192.168.1.12 self permanent',
  'sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.eth0.rp_filter=1',
];

const dumps: readonly (readonly [string, string])[] = [
  ['ip-link.json', 'ip -j -d link'],
  ['ip-addr.json', 'ip -j -d addr'],
  ['ip-rule-4.json', 'ip -j -d -4 rule'],
  ['ip-rule-6.json', 'ip -j -d -6 rule'],
  ['ip-route-4.json', 'ip -j -d -4 route show table all'],
  ['ip-route-6.json', 'ip -j -d -6 route show table all'],
  ['ip-neigh.json', 'ip -j neigh'],
  ['bridge-fdb.json', 'bridge -j fdb'],
  [
    'sysctl.txt',
    "sysctl -a 2>/dev/null | grep -E '^net\\.ipv[46]\\.(ip_forward|conf\\..*(forwarding|rp_filter))'",
  ],
];

const fence = '=== waylaid ===';

/** Runs the lines in a new namespace and gives the dumps that the line `dump` asks for. */
function runLines(lines: readonly string[]): readonly Snapshot[] {
  const dump = dumps.map(([, command]) => `${command}; echo '${fence}'`).join('\n');
  const script = ['set -ex', `dump() {\n${dump}\n}`, ...lines].join('\n');
  const done = spawnSync('unshare', ['--net', 'sh'], {
    input: script,
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 2 ** 28,
  });
  if (done.status !== 0) throw new Error(done.stderr.split('\n').slice(-4).join('\n'));
  const parts = done.stdout.split(`${fence}\n`).slice(0, -1);
  return Array.from({ length: parts.length / dumps.length }, (_, index) =>
    snapshotOf(
      dumps.map(([name], at) => makeFile(`nodes/n/${name}`, parts[index * dumps.length + at] ?? '')),
    ),
  );
}

const rootOf = (snapshot: Snapshot): NamespaceFacts => snapshot.nodes.get('n')!.root;

/** Rows without their places, in an order of their own. */
function stateOf(snapshot: Snapshot): unknown {
  const facts = rootOf(snapshot);
  const plain = (rows: readonly object[]): readonly string[] =>
    rows.map((row) => JSON.stringify({ ...row, evidence: undefined })).sort();
  const rowsOf = (fact: { readonly known: boolean; readonly value?: readonly object[] }): readonly string[] =>
    plain(fact.value ?? []);
  const sysctls = facts.sysctls.known
    ? [...facts.sysctls.value].map(([key, { value }]) => `${key} ${value}`)
    : [];
  return {
    routes: [...rowsOf(facts.routes[4]), ...rowsOf(facts.routes[6])],
    rules: [...rowsOf(facts.rules[4]), ...rowsOf(facts.rules[6])],
    neighbors: rowsOf(facts.neighbors),
    fdb: rowsOf(facts.fdb),
    sysctls: sysctls.sort(),
  };
}

/** The same in the words that changes are compared by. */
function wordsOf(snapshot: Snapshot): readonly string[] {
  const { routes, rules } = rootOf(snapshot);
  return ([4, 6] as const).flatMap((family) => {
    const [own, chosen] = [routes[family], rules[family]];
    return [
      ...(own.known ? own.value.map((route) => formatRoute(route)) : []),
      ...(chosen.known ? chosen.value.map((rule) => formatRule(rule)) : []),
    ];
  });
}

const toLine = (command: RepairCommand): string => shellWords(command.argv);

function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root for a network namespace';
  return spawnSync('unshare', ['--net', 'ip', 'link']).status === 0
    ? undefined
    : 'needs unshare and iproute2';
}

describe('commands of changes', () => {
  const blocked = obstacle();

  /** What the lines make, dumped. */
  function observe(context: TestContext, lines: readonly string[]): Snapshot {
    if (blocked !== undefined) return context.skip(blocked);
    return runLines([...lines, 'dump'])[0]!;
  }

  function expectThereAndBack(lines: readonly string[], start: Snapshot, changes: readonly Change[]): void {
    const steps = changes.flatMap((change) => {
      const { do: forward, undo } = commandsOf(change);
      return [...forward.map(toLine), 'dump', ...undo.map(toLine), 'dump'];
    });
    const states = runLines([...lines, ...steps]);
    for (const [index, change] of changes.entries()) {
      const [done, undone] = [states[index * 2]!, states[index * 2 + 1]!];
      const label = JSON.stringify(commandsOf(change).do);
      const model = applyChanges(start, [change]);
      expect([...wordsOf(done)].sort(), label).toEqual([...wordsOf(model)].sort());
      expect(stateOf(undone), `undo of ${label}`).toEqual(stateOf(start));
    }
  }

  it('every route is removed, and comes back as it was', (context) => {
    const start = observe(context, setup);
    const changes = ([4, 6] as const).flatMap((family) => {
      const known = rootOf(start).routes[family];
      const rows = known.known ? known.value : [];
      // The kernel's own come and go with their addresses and are never proposed.
      return rows
        .filter(
          (route) =>
            route.table !== 'local' &&
            (route.protocol !== 'kernel' || route.destination.address.startsWith('10.67.')) &&
            route.type !== 'multicast',
        )
        .map((route): Change => ({ kind: 'remove-route', namespace: 'node/n', route }));
    });
    expect(changes.length).toBeGreaterThan(15);
    expectThereAndBack(setup, start, changes);
  });

  it('every rule is removed, and comes back as it was', (context) => {
    const lines = [...setup, ...rules];
    const start = observe(context, lines);
    const changes = ([4, 6] as const).flatMap((family) => {
      const known = rootOf(start).rules[family];
      const rows = known.known ? known.value : [];
      return rows
        .filter((rule) => ![0, 32766, 32767].includes(rule.priority))
        .map((rule): Change => ({ kind: 'remove-rule', namespace: 'node/n', rule }));
    });
    expect(changes.length).toBeGreaterThan(12);
    expectThereAndBack(lines, start, changes);
  });

  it('settings and entries are set, and set back', (context) => {
    const lines = [...setup, ...entries];
    const start = observe(context, lines);
    const namespace = 'node/n';
    const link = 'flannel.1';
    const address = (text: string): Address => parseAddress(text)!;
    expectThereAndBack(lines, start, [
      { kind: 'set-sysctl', namespace, key: 'net.ipv4.conf.eth0.rp_filter', value: '2', was: '1' },
      {
        kind: 'set-neighbor',
        namespace,
        link,
        address: address('10.42.2.0'),
        mac: '02:03:00:00:00:09',
        was: '02:03:00:00:00:02',
      },
      { kind: 'set-neighbor', namespace, link, address: address('10.42.3.0'), mac: '02:03:00:00:00:03' },
      {
        kind: 'set-fdb',
        namespace,
        link,
        mac: '02:03:00:00:00:02',
        remote: address('192.168.1.99'),
        was: address('192.168.1.12'),
      },
      { kind: 'set-fdb', namespace, link, mac: '02:03:00:00:00:03', remote: address('192.168.1.13') },
    ]);
  });
});
