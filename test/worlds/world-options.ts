// Clusters of other numbers and names: nothing may depend on 10.42.0.0/16, node-1 or eth0.
import fc from 'fast-check';
import type { WorldOptions } from './world.ts';

export function worldOptions(more: WorldOptions = {}): fc.Arbitrary<WorldOptions> {
  return fc
    .record({
      nodes: fc.integer({ min: 2, max: 5 }),
      podsPerNode: fc.integer({ min: 1, max: 3 }),
      podCidr: fc.constantFrom(
        '10.42.0.0/16',
        '10.244.0.0/16',
        '172.20.0.0/14',
        '192.168.128.0/17',
        '100.72.0.0/14',
      ),
      serviceCidr: fc.constantFrom('10.43.0.0/16', '10.96.0.0/12', '172.30.0.0/16', '10.199.0.0/20'),
      shareLength: fc.constantFrom(22, 23, 24, 25),
      lan: fc.constantFrom('192.168.1.0/24', '10.0.0.0/22', '172.16.5.0/25'),
      families: fc.constantFrom<readonly (4 | 6)[]>([4], [4, 6]),
      vni: fc.constantFrom(1, 7, 4096),
      collectsPods: fc.boolean(),
      nodePrefix: fc.constantFrom('node-', 'k3s-agent-', 'ip-10-0-0-', 'pi.lan.'),
      bridge: fc.constantFrom('cni0', 'kube-bridge', 'br-pods'),
      nic: fc.constantFrom('eth0', 'enp3s0', 'ens18'),
    })
    .map((options) => ({ ...options, ...more }));
}
