// Which kinds of objects a diagnosis reads. Groups of the programs on a packet's path are taken whole, as far as the API server
// has them; their plurals are listed only so that the manifest can say "this cluster has none".

export interface WantedGroup {
  /** Empty for the core group. */
  readonly group: string;
  /** Asked when the API server does not tell which version it prefers. */
  readonly version: string;
  readonly plurals: readonly string[];
  /** Every kind of the group that can be listed, also those that later releases add. */
  readonly isWhole: boolean;
}

export const wantedGroups: readonly WantedGroup[] = [
  part('', 'v1', ['nodes', 'namespaces', 'pods', 'services', 'endpoints', 'configmaps', 'events']),
  part('discovery.k8s.io', 'v1', ['endpointslices']),
  part('networking.k8s.io', 'v1', ['ingresses', 'ingressclasses', 'networkpolicies', 'servicecidrs']),
  part('apps', 'v1', ['deployments', 'statefulsets', 'daemonsets', 'replicasets']),
  part('batch', 'v1', ['jobs']),
  whole('traefik.io', 'v1alpha1', [
    'ingressroutes',
    'ingressroutetcps',
    'ingressrouteudps',
    'middlewares',
    'middlewaretcps',
    'serverstransports',
    'tlsoptions',
    'tlsstores',
    'traefikservices',
  ]),
  whole('traefik.containo.us', 'v1alpha1', []),
  whole('tailscale.com', 'v1alpha1', [
    'connectors',
    'dnsconfigs',
    'proxyclasses',
    'proxygroups',
    'recorders',
    'tailnets',
  ]),
  whole('gateway.networking.k8s.io', 'v1', ['gatewayclasses', 'gateways', 'httproutes']),
  whole('policy.networking.k8s.io', 'v1alpha1', []),
  whole('cilium.io', 'v2', []),
  whole('crd.projectcalico.org', 'v1', []),
  whole('metallb.io', 'v1beta1', []),
  whole('cert-manager.io', 'v1', []),
  whole('acme.cert-manager.io', 'v1', []),
  whole('helm.cattle.io', 'v1', []),
];

function part(group: string, version: string, plurals: readonly string[]): WantedGroup {
  return { group, version, plurals, isWhole: false };
}

function whole(group: string, version: string, plurals: readonly string[]): WantedGroup {
  return { group, version, plurals, isWhole: true };
}

/** `pods`, `ingresses.networking.k8s.io`: the name in the bundle, and for kubectl. */
export function resourceName(group: string, plural: string): string {
  return group === '' ? plural : `${plural}.${group}`;
}

export function resourcePath(group: string, version: string, plural: string): string {
  return `${versionPath(group, version)}/${plural}`;
}

export function versionPath(group: string, version: string): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}
