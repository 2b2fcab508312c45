// What must be found in each recorded bundle: the exact set of root causes, written down from how the fault was made.
export interface ExpectedFinding {
  readonly bundle: string;
  /** `code layer subject subject…`, in the answer's order. */
  readonly causes: readonly string[];
}

const takesPods = (...subjects: readonly string[]): string =>
  ['tailscale-route-takes-cluster-cidr', 'kernel-route', ...subjects, 'tailnet/device/pi-gateway'].join(' ');

export const expectedFindings: readonly ExpectedFinding[] = [
  { bundle: 'chapter-17', causes: [takesPods('node/node-2')] },
  { bundle: 'chapter-17-text', causes: [takesPods('node/node-2')] },
  { bundle: 'table52-all-nodes', causes: [takesPods('node/node-1', 'node/node-2', 'node/node-3')] },
  { bundle: 'table52-wider-route-5-nodes', causes: [takesPods('node/node-2')] },
  {
    bundle: 'accept-routes-own-lan',
    causes: ['tailscale-route-takes-node-lan kernel-route node/node-2 tailnet/device/pi-gateway'],
  },
  {
    bundle: 'other-vpn-takes-cluster-cidr',
    causes: ['vpn-route-takes-cluster-cidr kernel-route node/node-2'],
  },
  { bundle: 'flannel-route-lost', causes: ['flannel-route-missing kernel-route node/node-2'] },
  { bundle: 'flannel-fdb-wrong', causes: ['flannel-fdb-wrong encap-mtu node/node-2'] },
  { bundle: 'flannel-neighbor-missing', causes: ['flannel-neighbor-missing encap-mtu node/node-2'] },
  { bundle: 'flannel-wrong-interface', causes: ['flannel-wrong-interface kernel-route node/node-2'] },
  { bundle: 'forwarding-off', causes: ['forwarding-off kernel-route node/node-2'] },
  { bundle: 'healthy', causes: [] },
  // Odd, but kube-proxy translates a Service's address before the route is asked.
  { bundle: 'table52-service-cidr-only', causes: [] },
];

export const brokenFindings = expectedFindings.filter(({ causes }) => causes.length > 0);

export function expectedCauses(bundle: string): readonly string[] {
  const finding = expectedFindings.find((candidate) => candidate.bundle === bundle);
  if (finding === undefined) throw new Error(`nothing is written down about ${bundle}`);
  return finding.causes;
}
