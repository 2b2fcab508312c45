// `--what-if`: commands as changes. What is added is what the kernel would add; what is deleted is a row that is there.
import { describe, expect, test } from 'vitest';
import { parseWhatIf } from '../../src/cli/what-if/parse-what-if.ts';
import type { Change } from '../../src/core/snapshot/change.ts';
import { formatRoute, formatRule } from '../../src/core/snapshot/format-routing.ts';
import { createSnapshotReader } from '../../src/core/snapshot/read-snapshot.ts';
import type { Snapshot } from '../../src/core/snapshot/snapshot.ts';
import { makeBundleFile } from '../../src/io/store/bundle-entry.ts';
import { makeTwoNodeBundle } from './two-node-bundle.ts';

function readPair(): Snapshot {
  const reader = createSnapshotReader();
  for (const [path, text] of makeTwoNodeBundle({ isHijacked: true })) {
    reader.take(makeBundleFile(path, new TextEncoder().encode(text)));
  }
  return reader.finish();
}

const snapshot = readPair();
const parse = (text: string): readonly Change[] => parseWhatIf(text, snapshot, 'node/left');

function describeChange(change: Change): string {
  switch (change.kind) {
    case 'add-rule':
    case 'remove-rule':
      return `${change.kind} ${change.namespace} ${formatRule(change.rule)}`;
    case 'add-route':
    case 'remove-route':
      return `${change.kind} ${change.namespace} ${formatRoute(change.route)}`;
    case 'set-sysctl':
      return `${change.kind} ${change.namespace} ${change.key}=${change.value} was ${change.was ?? '?'}`;
    default:
      return `${change.kind} ${JSON.stringify(change)}`;
  }
}

describe('what is understood', () => {
  test.each([
    [
      'ip rule add to 172.20.0.0/16 priority 5100 lookup main',
      ['add-rule node/left 5100: to 172.20.0.0/16 lookup main'],
    ],
    ['ip rule add from 10.0.0.1 table 254', ['add-rule node/left 5269: from 10.0.0.1 lookup main']],
    [
      'sudo ip rule add fwmark 0x80000/0xff0000 iif eth0 pref 10 prohibit',
      ['add-rule node/left 10: fwmark 0x80000/0xff0000 iif eth0 prohibit'],
    ],
    ['ip rule del pref 5270', ['remove-rule node/left 5270: from all lookup 52']],
    ['ip rule del table 52', ['remove-rule node/left 5270: from all lookup 52']],
    ['ip route del 172.20.0.0/16 table 52', ['remove-route node/left 172.20.0.0/16 dev tailscale0 table 52']],
    ['ip route add blackhole 10.9.0.0/16', ['add-route node/left blackhole 10.9.0.0/16']],
    [
      'ip route replace default via 192.168.9.77 dev eth0',
      [
        'remove-route node/left default via 192.168.9.1 dev eth0',
        'add-route node/left default via 192.168.9.77 dev eth0',
      ],
    ],
    [
      'right: ip route add 10.1.0.0/16 dev eth0 metric 5',
      ['add-route node/right 10.1.0.0/16 dev eth0 metric 5'],
    ],
    ['sysctl -w net.ipv4.ip_forward=0', ['set-sysctl node/left net.ipv4.ip_forward=0 was 1']],
    ['sysctl -w net/ipv4/ip_forward = 0', ['set-sysctl node/left net.ipv4.ip_forward=0 was 1']],
    ['ip link set dev eth0 up', ['set-link-up {"kind":"set-link-up","namespace":"node/left","link":"eth0"}']],
  ])('%s', (text, changes) => {
    expect(parse(text).map(describeChange)).toEqual(changes);
  });
});

describe('what is not, in one sentence', () => {
  test.each([
    ['reboot', /cannot be simulated; "ip rule add\|del"/],
    ['ip rule list', /"ip rule" takes add or del/],
    ['ip rule add to 10.0.0.0/8 l3mdev', /knows no "l3mdev"/],
    ['ip rule add to nowhere lookup main', /"nowhere" is no address and no prefix/],
    ['ip rule add to', /nothing follows "to"/],
    ['ip rule del pref 4', /node\/left has no such rule; there are: 0: /],
    ['ip route del 10.0.0.0/8', /node\/left has no such route/],
    ['ip route add 10.0.0.0/8', /a route needs "via ADDRESS"/],
    ['ip -6 rule add lookup main', /nodes\/left\/ip-rule-6\.\w+ of node\/left is missing/],
    ['middle: sysctl -w a=1', /there is no machine "middle"/],
    ['sysctl net.ipv4.ip_forward', /write sysctl -w KEY=VALUE/],
  ])('%s', (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });
});
