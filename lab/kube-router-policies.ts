// One NetworkPolicy as kube-router writes it: the ipsets of its peers and of the pods that it selects, and the chain that
// marks what it allows. In go the plan and the policy, out come text for `ipset restore` and rules. Each match stands twice:
// once to set the mark and once to return with it. (kube-router v2.6, pkg/controllers/netpol/policy.go.)
import { deriveChainName } from './derived-names.ts';
import type { LabPlan, PlannedPod, PlannedPolicy, PolicyPeer, PolicyRule } from './planned.ts';
import { comment } from './table-text.ts';

interface PolicyParts {
  readonly sets: string;
  readonly rules: readonly string[];
}

/** The real name changes with every sync: it hashes its time as well. */
export const policyChain = (policy: PlannedPolicy): string =>
  deriveChainName('KUBE-NWPLCY-', `${policy.namespace}${policy.name}`);

type Direction = 'ingress' | 'egress';

export function selectedPods(plan: LabPlan, policy: PlannedPolicy): PlannedPod[] {
  return findPods(plan, policy.namespace, policy.selector);
}

export function renderPolicyRules(plan: LabPlan, policy: PlannedPolicy): PolicyParts {
  const sets: string[] = [];
  const rules = (['ingress', 'egress'] as const).flatMap((direction) =>
    (policy[direction] ?? []).flatMap((rule, at) => renderRule({ plan, policy, direction, at, sets }, rule)),
  );
  const log = `-A ${policyChain(policy)} ${comment('rule to log dropped traffic')} -m limit --limit 10/min --limit-burst 10 -m mark ! --mark 0x10000/0x10000 -j NFLOG --nflog-prefix "DROP by policy ${policy.namespace}/${policy.name}" --nflog-group 100`;
  return { sets: [...new Set(sets)].join(''), rules: [...rules, log] };
}

interface RuleContext {
  readonly plan: LabPlan;
  readonly policy: PlannedPolicy;
  readonly direction: Direction;
  /** Its place among the rules of its direction. */
  readonly at: number;
  /** Grows by the sets that the rule matches. */
  readonly sets: string[];
}

function renderRule(context: RuleContext, rule: PolicyRule): string[] {
  const pods = rule.peers.filter((peer) => 'labels' in peer);
  const blocks = rule.peers.filter((peer) => 'cidr' in peer);
  const name = `${context.policy.name} namespace ${context.policy.namespace}`;
  const all =
    context.direction === 'ingress'
      ? 'from all sources to dest pods'
      : 'from source pods to all destinations';
  const block =
    context.direction === 'ingress'
      ? 'from specified ipBlocks to dest pods'
      : 'from source pods to specified ipBlocks';
  return [
    ...(rule.peers.length === 0
      ? allow(context, rule, { words: `${all} selected by policy name: ${name}` })
      : []),
    ...(pods.length === 0
      ? []
      : allow(context, rule, {
          words: `from source pods to dest pods selected by policy name ${name}`,
          set: peerSet(context, pods, 'pods'),
        })),
    ...(blocks.length === 0
      ? []
      : allow(context, rule, {
          words: `${block} selected by policy name: ${name}`,
          set: peerSet(context, blocks, 'blocks'),
        })),
  ];
}

interface Allowance {
  readonly words: string;
  /** Of the peers; undefined where everybody is one. */
  readonly set?: string;
}

function allow(context: RuleContext, rule: PolicyRule, { words, set }: Allowance): string[] {
  const own = ownSet(context);
  const [source, target] = context.direction === 'ingress' ? [set, own] : [own, set];
  const sets = [
    ...(source === undefined ? [] : [`-m set --match-set ${source} src`]),
    ...(target === undefined ? [] : [`-m set --match-set ${target} dst`]),
  ].join(' ');
  const ports = rule.ports.length === 0 ? [undefined] : rule.ports;
  return ports.flatMap((port) => {
    const protocol = port === undefined ? '' : `-p ${port.protocol} `;
    const portMatch = port === undefined ? '' : ` -m ${port.protocol} --dport ${port.port}`;
    const match = `-A ${policyChain(context.policy)} ${protocol}${comment(`rule to ACCEPT traffic ${words}`)} ${sets}${portMatch}`;
    return [
      `${match} -j MARK --set-xmark 0x10000/0x10000`,
      `${match} -m mark --mark 0x10000/0x10000 -j RETURN`,
    ];
  });
}

/** The selected pods, as destinations of what comes in or sources of what goes out. */
function ownSet({ plan, policy, direction, sets }: RuleContext): string {
  const prefix = direction === 'ingress' ? 'KUBE-DST-' : 'KUBE-SRC-';
  const name = deriveChainName(prefix, `${policy.namespace}${policy.name}selected`);
  const addresses = selectedPods(plan, policy).map((pod) => pod.address);
  sets.push(formatSet(name, 'hash:ip', addresses));
  return name;
}

function peerSet(context: RuleContext, peers: readonly PolicyPeer[], kind: 'pods' | 'blocks'): string {
  const { plan, policy, direction, at, sets } = context;
  const prefix = direction === 'ingress' ? 'KUBE-SRC-' : 'KUBE-DST-';
  const name = deriveChainName(prefix, `${policy.namespace}${policy.name}${direction}${String(at)}${kind}`);
  const entries = peers.flatMap((peer) =>
    'cidr' in peer
      ? [...(peer.except ?? []).map((except) => `${except} timeout 0 nomatch`), peer.cidr]
      : findPods(plan, peer.namespace, peer.labels).map((pod) => pod.address),
  );
  sets.push(formatSet(name, kind === 'pods' ? 'hash:ip' : 'hash:net', entries));
  return name;
}

function formatSet(name: string, type: string, entries: readonly string[]): string {
  const create = `create ${name} ${type} family inet hashsize 1024 maxelem 65536 timeout 0 bucketsize 12`;
  const adds = entries.map(
    (entry) => `add ${name} ${entry.includes('timeout') ? entry : `${entry} timeout 0`}`,
  );
  return [create, ...adds].map((line) => `${line}\n`).join('');
}

function findPods(plan: LabPlan, namespace: string, labels: Readonly<Record<string, string>>): PlannedPod[] {
  return plan.pods.filter(
    (pod) =>
      pod.namespace === namespace &&
      Object.entries(labels).every(([key, value]) => pod.labels[key] === value),
  );
}
