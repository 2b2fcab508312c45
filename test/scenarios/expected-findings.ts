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
  { bundle: 'docker-forward-drop', causes: ['host-firewall-drops-pod-traffic netfilter node/node-2'] },
  { bundle: 'ufw-forward-drop', causes: ['host-firewall-drops-pod-traffic netfilter node/node-2'] },
  { bundle: 'firewalld-reject', causes: ['host-firewall-drops-pod-traffic netfilter node/node-2'] },
  { bundle: 'input-drops-vxlan', causes: ['host-firewall-drops-overlay netfilter node/node-2'] },
  {
    bundle: 'ts-input-drops-cgnat',
    causes: ['tailscale-filter-drops-cgnat-range netfilter node/node-1 node/node-2 node/node-3'],
  },
  { bundle: 'kube-proxy-flushed', causes: ['service-rules-missing netfilter node/node-2'] },
  { bundle: 'kube-proxy-stale', causes: ['service-rules-stale netfilter node/node-2'] },
  { bundle: 'masquerade-pod-to-pod', causes: ['masquerade-inside-pod-network netfilter node/node-2'] },
  { bundle: 'bridge-nf-off', causes: ['bridge-netfilter-off netfilter node/node-1'] },
  { bundle: 'conntrack-stale-udp', causes: ['stale-connection netfilter node/node-2'] },
  {
    bundle: 'policy-blocks-dns',
    causes: ['networkpolicy-blocks kube-object networkpolicy/swimto/api-egress'],
  },
  { bundle: 'mtu-too-large', causes: ['path-mtu-exceeded encap-mtu node/node-2'] },
  {
    bundle: 'mtu-icmp-dropped',
    causes: ['path-mtu-exceeded encap-mtu node/node-1 node/node-2 node/node-3'],
  },
  { bundle: 'rp-filter-strict', causes: ['reverse-path-filter kernel-route node/node-3'] },
  { bundle: 'healthy', causes: [] },
  { bundle: 'healthy-nftables', causes: [] },
  // Look like docker-forward-drop, firewalld-reject, masquerade-pod-to-pod and asymmetric-invalid, and break nothing.
  { bundle: 'docker-beside-flannel', causes: [] },
  { bundle: 'firewalld-trusts-cluster', causes: [] },
  { bundle: 'policy-with-exception', causes: [] },
  { bundle: 'lan-sees-pods', causes: [] },
  // Odd, but kube-proxy translates a Service's address before the route is asked.
  { bundle: 'table52-service-cidr-only', causes: [] },
];

export interface MeasuredFinding extends ExpectedFinding {
  /** What somebody tried: no object of the cluster says that it should work. */
  readonly from: { readonly pod: string } | { readonly host: string };
  readonly to: { readonly ip: string; readonly port: number };
  readonly confidence: 'proven' | 'supported';
}

export const measuredFindings: readonly MeasuredFinding[] = [
  {
    bundle: 'asymmetric-invalid',
    causes: ['asymmetric-reply-invalid kernel-route host/pi-gateway'],
    from: { pod: 'default/web-node-2' },
    to: { ip: '192.168.50.9', port: 22 },
    confidence: 'proven',
  },
  {
    bundle: 'mark-collision',
    causes: ['mark-collision netfilter node/node-2'],
    from: { pod: 'default/web-node-2' },
    to: { ip: '100.64.0.1', port: 6443 },
    confidence: 'supported',
  },
  {
    bundle: 'masquerade-missing',
    causes: ['pod-network-not-masqueraded netfilter node/node-2'],
    from: { pod: 'default/web-node-2' },
    to: { ip: '198.51.100.10', port: 80 },
    confidence: 'supported',
  },
  {
    bundle: 'nodeport-local-policy',
    causes: ['node-port-without-local-endpoint kube-object service/swimto/frontend-local node/node-2'],
    from: { host: 'pi-gateway' },
    to: { ip: '192.168.50.12', port: 30081 },
    confidence: 'proven',
  },
];

export const brokenFindings = expectedFindings.filter(({ causes }) => causes.length > 0);

export function expectedCauses(bundle: string): readonly string[] {
  const finding = expectedFindings.find((candidate) => candidate.bundle === bundle);
  if (finding === undefined) throw new Error(`nothing is written down about ${bundle}`);
  return finding.causes;
}
