// Judgements made by hand, as diagnose and repair would give them, for what the report makes of them: the cluster of which
// one node's table 52 takes pod and service traffic, the same cluster healthy, and one of which a node did not answer.
import type { Diagnosis, JudgedIntent, RootCause } from '../../src/core/diagnose/diagnosis.ts';
import { present, missing } from '../../src/core/fact/known.ts';
import type { Evidence } from '../../src/core/fact/evidence.ts';
import { parseAddress } from '../../src/core/net/address.ts';
import type { Address } from '../../src/core/net/address.ts';
import { parsePrefix } from '../../src/core/net/prefix.ts';
import type { Prefix } from '../../src/core/net/prefix.ts';
import type { Judgement } from '../../src/core/pipeline.ts';
import type { Repair } from '../../src/core/repair/plan.ts';
import type { PodFact, NodeFact, ServiceFact } from '../../src/core/snapshot/cluster-facts.ts';
import type { RouteFact, RuleFact } from '../../src/core/snapshot/namespace-facts.ts';
import type { Snapshot } from '../../src/core/snapshot/snapshot.ts';
import type { Flow, Hop, Journey, Packet, Trace } from '../../src/core/trace/flow.ts';

export const address = (text: string): Address => parseAddress(text)!;
const prefix = (text: string): Prefix => parsePrefix(text)!;

const evidence: Evidence = { path: 'nodes/blue/ip-route-4.json', at: '/14', quote: '{"dst":"10.42.0.0/16"}' };
const ruleEvidence: Evidence = { path: 'nodes/blue/ip-rule-4.json', at: '/5' };
const objects: Evidence = { path: 'cluster/resources/pods.json' };

export const hijackingRoute: RouteFact = {
  evidence,
  family: 4,
  type: 'unicast',
  destination: prefix('10.42.0.0/16'),
  table: '52',
  scope: 'link',
  metric: 0,
  tos: 0,
  nexthops: [{ link: 'tailscale0', weight: 1, flags: [] }],
};

export const tailscaleRule: RuleFact = {
  evidence: ruleEvidence,
  family: 4,
  priority: 5270,
  isInverted: false,
  action: { kind: 'lookup', table: '52' },
  opaqueSelectors: [],
};

const defaultRoute: RouteFact = {
  ...hijackingRoute,
  evidence: { path: 'nodes/blue/pods/shop_web/ip-route-4.json', at: '/0' },
  destination: prefix('0.0.0.0/0'),
  table: 'main',
  nexthops: [{ link: 'eth0', gateway: address('10.42.1.1'), weight: 1, flags: [] }],
};

const flannelRoute: RouteFact = {
  ...hijackingRoute,
  destination: prefix('10.42.2.0/24'),
  table: 'main',
  nexthops: [{ link: 'flannel.1', gateway: address('10.42.2.0'), weight: 1, flags: ['onlink'] }],
};

const webToStore: Flow = {
  from: 'pod/shop/web',
  to: address('10.42.2.17'),
  protocol: 'tcp',
  port: 5432,
};

const packet: Packet = {
  source: address('10.42.1.7'),
  destination: address('10.42.2.17'),
  protocol: 'tcp',
  sourcePort: 40000,
  destinationPort: 5432,
  mark: 0,
  ttl: 64,
};

const leavePod: readonly Hop[] = [
  {
    at: 'pod/shop/web',
    step: 'route',
    did: 'default via 10.42.1.1 dev eth0',
    because: [defaultRoute.evidence],
    elements: [{ kind: 'route', namespace: 'pod/shop/web', route: defaultRoute }],
    packet,
    link: 'eth0',
  },
  {
    at: 'pod/shop/web',
    step: 'wire',
    did: 'out of eth0 to node/blue cni0 (10.42.1.1)',
    because: [],
    elements: [],
    packet,
    link: 'eth0',
  },
];

export const lostJourney: Journey = {
  hops: [
    ...leavePod,
    {
      at: 'node/blue',
      step: 'rule',
      did: '5270: from all lookup 52',
      because: [ruleEvidence],
      elements: [{ kind: 'rule', namespace: 'node/blue', rule: tailscaleRule }],
      packet: { ...packet, ttl: 63 },
    },
    {
      at: 'node/blue',
      step: 'route',
      did: '10.42.0.0/16 dev tailscale0 table 52',
      because: [evidence],
      elements: [
        { kind: 'route', namespace: 'node/blue', route: hijackingRoute },
        { kind: 'rule', namespace: 'node/blue', rule: tailscaleRule },
      ],
      packet: { ...packet, ttl: 63 },
      link: 'tailscale0',
    },
    {
      at: 'node/blue',
      step: 'tailnet',
      did: 'no peer of node/blue takes 10.42.2.17',
      because: [{ path: 'nodes/blue/tailscale-status.json' }],
      elements: [],
      packet: { ...packet, ttl: 63 },
      link: 'tailscale0',
    },
  ],
  end: { kind: 'lost', at: 'node/blue', why: 'tunnel-no-peer', isCertain: true },
};

const outer: Journey = {
  hops: [
    {
      at: 'node/blue',
      step: 'wire',
      did: 'out of eth0 to node/green eth0 (192.168.7.3)',
      because: [],
      elements: [],
      packet: {
        ...packet,
        source: address('192.168.7.2'),
        destination: address('192.168.7.3'),
        protocol: 'udp',
      },
      link: 'eth0',
      assumes: 'the network between the machines carries frames to 192.168.7.3',
    },
  ],
  end: { kind: 'delivered', to: 'node/green' },
};

const arrivingHops: readonly Hop[] = [
  ...leavePod,
  {
    at: 'node/blue',
    step: 'route',
    did: '10.42.2.0/24 via 10.42.2.0 dev flannel.1 onlink',
    because: [evidence],
    elements: [{ kind: 'route', namespace: 'node/blue', route: flannelRoute }],
    packet: { ...packet, ttl: 63 },
    link: 'flannel.1',
  },
  {
    at: 'node/blue',
    step: 'encap',
    did: 'flannel.1 wraps it for 192.168.7.3 (VXLAN 1, udp 8472)',
    because: [{ path: 'nodes/blue/bridge-fdb.json', at: '/3' }],
    elements: [],
    packet: { ...packet, ttl: 63 },
    link: 'flannel.1',
    nested: outer,
  },
  {
    at: 'node/green',
    step: 'decap',
    did: 'flannel.1 unwraps it',
    because: [{ path: 'nodes/green/ip-link.json', at: '/4' }],
    elements: [],
    packet: { ...packet, ttl: 62 },
    link: 'flannel.1',
  },
  {
    at: 'pod/shop/store',
    step: 'deliver',
    did: 'arrives at pod/shop/store, postgres listens on tcp 5432',
    because: [],
    elements: [],
    packet: { ...packet, ttl: 62 },
  },
];

export const arrivingJourney: Journey = {
  hops: arrivingHops,
  end: { kind: 'delivered', to: 'pod/shop/store' },
  replies: [{ hops: [], end: { kind: 'delivered', to: 'pod/shop/web' } }],
};

export const lostTrace: Trace = { flow: webToStore, journeys: [lostJourney], verdict: 'fails' };
export const arrivingTrace: Trace = { flow: webToStore, journeys: [arrivingJourney], verdict: 'arrives' };

/** Arrives, but the answer goes the lost way. */
export const lostReplyTrace: Trace = {
  flow: webToStore,
  journeys: [{ ...arrivingJourney, replies: [{ ...lostJourney }] }],
  verdict: 'fails',
};

function judge(id: string, trace: Trace, label = 'shop/web → shop/store:5432'): JudgedIntent {
  const kind = label.includes('dns') ? 'pod-to-service' : 'pod-to-pod';
  return {
    intent: {
      id,
      kind,
      flow: trace.flow,
      label,
      reason: 'pods reach pods on every node',
      evidence: [objects],
    },
    trace,
  };
}

const judged: readonly JudgedIntent[] = [
  judge('flow-10', lostTrace),
  judge('flow-2', arrivingTrace, 'shop/store → shop/web:80'),
  judge('flow-9', lostTrace, 'shop/web → kube-system/kube-dns:53/udp'),
];

const cause: RootCause = {
  id: 'rc1',
  code: 'tailscale-route-takes-cluster-cidr',
  layer: 'kernel-route',
  title: "Tailscale's table 52 on blue takes pod and service traffic before flannel sees it",
  explanation:
    'The rule 5270 sends every packet through table 52 first. That table holds 10.42.0.0/16, which covers the whole cluster. No peer takes pod addresses.',
  subjects: ['node/blue', 'tailnet/device/gateway'],
  elements: [
    { kind: 'route', in: 'node/blue', text: '10.42.0.0/16 dev tailscale0 table 52', evidence },
    { kind: 'rule', in: 'node/blue', text: '5270: from all lookup 52', evidence: ruleEvidence },
  ],
  confidence: 'proven',
  evidence: [evidence, ruleEvidence],
  changes: [{ kind: 'remove-route', namespace: 'node/blue', route: hijackingRoute }],
  breaks: ['flow-10', 'flow-9'],
  explains: ['s1', 's2'],
  alternatives: [],
  origin: 'advertised by gateway (100.64.0.9), accepted here since accept-routes is on',
  exampleIntent: 'flow-10',
};

const repairs: readonly Repair[] = [
  {
    id: 'fix1',
    for: ['rc1'],
    kind: 'immediate',
    title: "Look up the cluster's prefixes in main first, on blue",
    commands: [
      {
        on: 'node/blue',
        argv: ['ip', 'rule', 'add', 'to', '10.42.0.0/16', 'priority', '5100', 'lookup', 'main'],
      },
    ],
    changes: [],
    undo: [
      {
        on: 'node/blue',
        argv: ['ip', 'rule', 'del', 'to', '10.42.0.0/16', 'priority', '5100', 'lookup', 'main'],
      },
    ],
    risk: 'low',
    isDisruptive: false,
    simulated: { heals: 2, breaks: 0, leaves: 0, unknown: 0 },
  },
  {
    id: 'fix2',
    for: ['rc1'],
    kind: 'persistent',
    title: 'The same rule at every boot of blue',
    commands: [
      {
        on: 'node/blue',
        argv: ['tee', '/etc/systemd/system/waylaid.service'],
        stdin: '[Unit]\nDescription=Keep cluster traffic in the cluster\n',
      },
      { on: 'node/blue', argv: ['systemctl', 'enable', '--now', 'waylaid.service'] },
    ],
    changes: [],
    undo: [{ on: 'node/blue', argv: ['systemctl', 'disable', '--now', 'waylaid.service'] }],
    risk: 'low',
    isDisruptive: false,
    note: "The priority lies below tailscaled's range, which it watches.",
    simulated: { heals: 2, breaks: 0, leaves: 0, unknown: 0 },
  },
];

const diagnosis: Diagnosis = {
  verdict: 'broken',
  summary: cause.title,
  vantage: { nodesSeen: 2, nodesMissing: ['red'], podNamespacesSeen: 2, tailnetPolicySeen: false },
  judged,
  causes: [cause],
  symptoms: [
    {
      id: 's2',
      kind: 'log-error',
      class: 'dns-temporary',
      subject: 'pod/shop/web',
      text: '"Temporary failure in name resolution"',
      count: 31,
      evidence: [{ path: 'cluster/logs/shop/web/web.log', at: 'L12' }],
      explainedBy: ['rc1'],
    },
    {
      id: 's1',
      kind: 'crash-loop',
      subject: 'pod/shop/web',
      text: 'crash loop',
      count: 1,
      evidence: [objects],
      explainedBy: ['rc1'],
    },
    {
      id: 's3',
      kind: 'crash-loop',
      subject: 'pod/shop/batch',
      text: 'crash loop',
      count: 1,
      evidence: [objects],
      explainedBy: [],
      notConnectivity: 'out of memory (exit code 137)',
    },
  ],
  cleared: [
    {
      suspect: 'rp_filter=1',
      subject: 'node/green',
      reason: 'the path is symmetric',
      evidence: [{ path: 'nodes/green/sysctl.txt', at: 'L4' }],
    },
  ],
  unknowns: [
    {
      question: 'does red route pod traffic into tailscale0?',
      needs: 'nodes/red/ip-route-4.json',
      command: 'waylaid collect --node red',
      why: 'unreachable',
      intents: [],
    },
  ],
  risks: [],
};

function pod(name: string, nodeName: string, ip: string): PodFact {
  return {
    evidence: objects,
    namespace: 'shop',
    name,
    nodeName,
    isHostNetwork: false,
    ips: [address(ip)],
    phase: 'Running',
    isReady: true,
    isTerminating: false,
    labels: new Map(),
    containers: [],
  };
}

function node(name: string, ip: string): NodeFact {
  return {
    evidence: objects,
    name,
    podCidrs: [],
    internalIps: [address(ip)],
    externalIps: [],
    annotations: new Map(),
    labels: new Map(),
  };
}

const dns: ServiceFact = {
  evidence: objects,
  namespace: 'kube-system',
  name: 'kube-dns',
  type: 'ClusterIP',
  clusterIps: [address('10.43.0.10')],
  isHeadless: false,
  externalIps: [],
  selector: new Map(),
  ports: [
    { name: 'dns', protocol: 'udp', port: 53 },
    { name: 'metrics', protocol: 'tcp', port: 9153 },
  ],
};

export const snapshot: Snapshot = {
  manifest: present(
    {
      format: 'waylaid-evidence/1',
      collectedAt: '2026-01-20T19:04:11Z',
      clusterName: 'shop',
      items: new Map(),
    },
    { path: 'waylaid.json' },
  ),
  nodes: new Map(),
  hosts: new Map(),
  cluster: {
    name: 'shop',
    version: missing('not-collected', 'cluster/version.json'),
    resources: new Map(),
    nodes: present([node('blue', '192.168.7.2'), node('green', '192.168.7.3')], objects),
    pods: present([pod('web', 'blue', '10.42.1.7'), pod('store', 'green', '10.42.2.17')], objects),
    services: present([dns], objects),
    endpoints: missing('not-collected', 'cluster/resources/endpointslices.discovery.k8s.io.json'),
    logs: [],
  },
  tailnet: new Map(),
  probes: [],
  notes: [
    {
      code: 'unreadable-file',
      path: 'nodes/green/ip-rule-4.json',
      text: 'nodes/green/ip-rule-4.json is cut off at byte 4096; its rules count as unknown.',
    },
  ],
  unreachable: new Map([['red', 'unreachable']]),
};

export const brokenJudgement: Judgement = { snapshot, diagnosis, repairs };

export const healthyJudgement: Judgement = {
  snapshot: { ...snapshot, notes: [] },
  repairs: [],
  diagnosis: {
    ...diagnosis,
    verdict: 'healthy',
    summary: 'Everything judged arrives.',
    vantage: { nodesSeen: 2, nodesMissing: [], podNamespacesSeen: 2, tailnetPolicySeen: true },
    judged: [judge('flow-1', arrivingTrace), judge('flow-2', arrivingTrace)],
    causes: [],
    symptoms: [],
    cleared: [],
    unknowns: [],
    risks: [
      {
        code: 'key-expires-soon',
        subjects: ['tailnet/device/blue'],
        text: "blue's node key expires in 4 days; its routes go with it",
        evidence: [],
      },
    ],
  },
};

const unknownTrace: Trace = {
  flow: webToStore,
  journeys: [
    {
      hops: [...leavePod],
      end: {
        kind: 'unknown',
        at: 'node/blue',
        question: "which of blue's routing rules applies?",
        missing: missing('truncated', 'nodes/blue/ip-rule-4.json'),
      },
    },
  ],
  verdict: 'unknown',
};

export const unknownJudgement: Judgement = {
  snapshot,
  repairs: [],
  diagnosis: {
    ...diagnosis,
    verdict: 'unknown',
    summary: '1 flow cannot be judged.',
    judged: [judge('flow-1', unknownTrace), judge('flow-2', arrivingTrace)],
    causes: [],
    symptoms: [],
    cleared: [],
    unknowns: [
      {
        question: "which of blue's routing rules apply?",
        needs: 'nodes/blue/ip-rule-4.json',
        command: 'waylaid collect --node blue',
        why: 'truncated',
        intents: ['flow-1'],
      },
    ],
  },
};

/** A judgement with many delivered flows beside one that is lost. */
export function makeLargeJudgement(delivered: number): Judgement {
  const many = Array.from({ length: delivered }, (_, index) => judge(`flow-${index + 1}`, arrivingTrace));
  return {
    ...brokenJudgement,
    diagnosis: { ...diagnosis, judged: [...many, judge('flow-0', lostTrace)], causes: [] },
  };
}
