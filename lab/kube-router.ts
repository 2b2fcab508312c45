// What the network policy controller of k3s (kube-router's, fork v2.6.3-k3s1) writes on one node: ipsets, a chain for each
// local pod, one for each policy that selects a local pod, and the jumps from the built-in chains. In go the plan and the
// node, out come text for `ipset restore` and chains and rules as iptables-save prints them. A packet that a policy allows
// carries 0x10000, and 0x20000 behind the pod's chain; what lacks the first is refused, not dropped.
import { deriveBase32, deriveChainName } from './derived-names.ts';
import { podsOn } from './plan.ts';
import { policyChain, renderPolicyRules, selectedPods } from './kube-router-policies.ts';
import type { LabPlan, PlannedPod } from './planned.ts';
import { comment } from './table-text.ts';
import type { TableText } from './table-text.ts';

const builtIn = ['INPUT', 'FORWARD', 'OUTPUT'] as const;

/** kube-router knows its own rules again by a hash of what they say, which it puts into the comment. */
function signedRule(chain: string, words: readonly string[]): string {
  const hash = deriveBase32(chain + words.join(''), 16);
  const text = words.map((word, at) => (words[at - 1] === '--comment' ? `"${word} - ${hash}"` : word));
  return `-A ${chain} ${text.join(' ')}`;
}

function ownJump(chain: string): string {
  return signedRule(chain, [
    '-m',
    'comment',
    '--comment',
    'kube-router netpol',
    '-j',
    `KUBE-ROUTER-${chain}`,
  ]);
}

/** They stand first in their chains: kube-router puts them back there at every sync, whoever came before it. */
export const firstJumps: readonly string[] = builtIn.map(ownJump);

/** Appended: an allowed packet still passes kube-proxy's chains. */
export const lastRules: readonly string[] = builtIn.map(
  (chain) =>
    `-A ${chain} ${comment('KUBE-ROUTER rule to explicitly ACCEPT traffic that comply to network policies')} -m mark --mark 0x20000/0x20000 -j ACCEPT`,
);

/** What a sync does to a machine on which somebody (tailscaled, when it starts) has put jumps in front. */
export const resyncText: string = [
  '*filter',
  ...firstJumps.map((rule) => rule.replace(/^-A/, '-D')),
  ...firstJumps.map((rule) => rule.replace(/^-A (\S+)/, '-I $1 1')),
  'COMMIT',
  '',
].join('\n');

export interface PolicyText {
  readonly sets: string;
  readonly filter: TableText;
}

export function renderPolicies(plan: LabPlan, node: string): PolicyText {
  const pods = podsOn(plan, node);
  // A policy has its chain and its sets on every node, also where it selects nobody.
  const parts = plan.policies.map((policy) => renderPolicyRules(plan, policy));
  return {
    sets: parts.map((part) => part.sets).join(''),
    filter: {
      chains: [
        ...plan.policies.map(policyChain),
        'KUBE-NWPLCY-COMMON',
        'KUBE-NWPLCY-DEFAULT',
        ...pods.map(podChain),
        ...builtIn.map((chain) => `KUBE-ROUTER-${chain}`),
      ],
      rules: [
        ...parts.flatMap((part) => part.rules),
        ...commonRules,
        ...pods.flatMap((pod) => podRules(plan, pod)),
        ...pods.flatMap(forwardJumps),
        ...inputExceptions(plan.options.serviceCidr),
        ...pods.map((pod) => `-A KUBE-ROUTER-INPUT -s ${pod.address}/32 ${jumpFrom(pod)}`),
        ...pods.flatMap((pod) => [
          `-A KUBE-ROUTER-OUTPUT -d ${pod.address}/32 ${jumpTo(pod)}`,
          `-A KUBE-ROUTER-OUTPUT -s ${pod.address}/32 ${jumpFrom(pod)}`,
        ]),
      ],
    },
  };
}

/** The real name changes with every sync: it hashes its time as well. */
const podChain = (pod: PlannedPod): string => deriveChainName('KUBE-POD-FW-', pod.namespace + pod.name);

const commonRules = [
  `-A KUBE-NWPLCY-COMMON ${comment('\\"rule to drop invalid state for pod\\"')} -m conntrack --ctstate INVALID -j DROP`,
  `-A KUBE-NWPLCY-COMMON ${comment('\\"rule for stateful firewall for pod\\"')} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
  `-A KUBE-NWPLCY-COMMON -p icmp ${comment('allow icmp echo requests')} -m icmp --icmp-type 8 -j ACCEPT`,
  `-A KUBE-NWPLCY-COMMON -p icmp ${comment('allow icmp destination unreachable messages')} -m icmp --icmp-type 3 -j ACCEPT`,
  `-A KUBE-NWPLCY-COMMON -p icmp ${comment('allow icmp time exceeded messages')} -m icmp --icmp-type 11 -j ACCEPT`,
  `-A KUBE-NWPLCY-DEFAULT ${comment('rule to mark traffic matching a network policy')} -j MARK --set-xmark 0x10000/0x10000`,
];

function inputExceptions(serviceCidr: string): string[] {
  const local = (protocol: string): string[] => [
    ...['-p', protocol, '-m', 'comment', '--comment'],
    `allow LOCAL ${protocol.toUpperCase()} traffic to node ports`,
    ...[
      '-m',
      'addrtype',
      '--dst-type',
      'LOCAL',
      '-m',
      'multiport',
      '--dports',
      '30000:32767',
      '-j',
      'RETURN',
    ],
  ];
  const text = 'allow traffic to primary/secondary cluster IP range';
  const hash = deriveBase32(`KUBE-ROUTER-INPUT-mcomment--comment${text}-d${serviceCidr}-jRETURN`, 16);
  return [
    `-A KUBE-ROUTER-INPUT -d ${serviceCidr} ${comment(`${text} - ${hash}`)} -j RETURN`,
    signedRule('KUBE-ROUTER-INPUT', local('tcp')),
    signedRule('KUBE-ROUTER-INPUT', local('udp')),
  ];
}

const podName = (pod: PlannedPod): string => `POD name:${pod.name} namespace: ${pod.namespace}`;

const jumpTo = (pod: PlannedPod): string =>
  `${comment(`rule to jump traffic destined to ${podName(pod)} to chain ${podChain(pod)}`)} -j ${podChain(pod)}`;

const jumpFrom = (pod: PlannedPod): string =>
  `${comment(`rule to jump traffic from ${podName(pod)} to chain ${podChain(pod)}`)} -j ${podChain(pod)}`;

/** Twice: what crosses the bridge from pod to pod is told apart by physdev. */
function forwardJumps(pod: PlannedPod): string[] {
  const bridged = '-m physdev --physdev-is-bridged ';
  return [
    `-A KUBE-ROUTER-FORWARD -d ${pod.address}/32 ${jumpTo(pod)}`,
    `-A KUBE-ROUTER-FORWARD -d ${pod.address}/32 ${bridged}${jumpTo(pod)}`,
    `-A KUBE-ROUTER-FORWARD -s ${pod.address}/32 ${jumpFrom(pod)}`,
    `-A KUBE-ROUTER-FORWARD -s ${pod.address}/32 ${bridged}${jumpFrom(pod)}`,
  ];
}

function podRules(plan: LabPlan, pod: PlannedPod): string[] {
  const chain = `-A ${podChain(pod)}`;
  const missing = '-m mark ! --mark 0x10000/0x10000';
  const through = (direction: 'ingress' | 'egress', match: string): string[] => {
    const policies = plan.policies.filter(
      (policy) => policy[direction] !== undefined && selectedPods(plan, policy).includes(pod),
    );
    const byDefault = `${chain} ${match} ${comment(`run through default ${direction} network policy chain`)} -j KUBE-NWPLCY-DEFAULT`;
    return policies.length === 0
      ? [byDefault]
      : policies.map(
          (policy) =>
            `${chain} ${match} ${comment(`run through nw policy ${policy.name}`)} -j ${policyChain(policy)}`,
        );
  };
  return [
    `${chain} ${comment('common bi-directional traffic policy rules')} -j KUBE-NWPLCY-COMMON`,
    `${chain} -d ${pod.address}/32 ${comment("rule to permit the traffic traffic to pods when source is the pod\\'s local node")} -m addrtype --src-type LOCAL -j ACCEPT`,
    ...through('egress', `-s ${pod.address}/32`),
    ...through('ingress', `-d ${pod.address}/32`),
    `${chain} ${comment(`rule to log dropped traffic ${podName(pod)}`)} ${missing} -m limit --limit 10/min --limit-burst 10 -j NFLOG --nflog-group 100`,
    `${chain} ${comment(`rule to REJECT traffic destined for ${podName(pod)}`)} ${missing} -j REJECT --reject-with icmp-port-unreachable`,
    `${chain} -j MARK --set-xmark 0x0/0x10000`,
    `${chain} ${comment('set mark to ACCEPT traffic that comply to network policies')} -j MARK --set-xmark 0x20000/0x20000`,
  ];
}
