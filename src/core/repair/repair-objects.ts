// Repairs of Kubernetes objects that make a node's rules drop: the policy allows what it forgot, the Service lets every node
// answer. In: the cause and the flows that it breaks. Out: drafts with the patch; the rules that follow from it are what is
// simulated.
import type { RepairDraft } from './draft.ts';
import type { RepairCommand } from './plan.ts';
import type { RootCause } from '../diagnose/diagnosis.ts';
import { joinWords } from '../diagnose/name-cause.ts';
import type { World } from '../diagnose/world.ts';
import { resourceOf } from '../snapshot/cluster-facts.ts';
import type { Json } from '../snapshot/cluster-facts.ts';
import type { Flow } from '../trace/flow.ts';

export function draftObjectRepairs(
  cause: RootCause,
  world: World,
  flows: readonly Flow[],
): readonly RepairDraft[] {
  if (cause.code === 'node-port-without-local-endpoint') return [openService(cause)];
  return cause.code === 'networkpolicy-blocks' ? allowInPolicy(cause, world, flows) : [];
}

function openService(cause: RootCause): RepairDraft {
  const services = cause.subjects.filter((subject) => subject.startsWith('service/'));
  const patch = (policy: string): readonly RepairCommand[] =>
    services.map((service) => {
      const [, namespace = '', name = ''] = service.split('/');
      const body = JSON.stringify({ spec: { externalTrafficPolicy: policy } });
      return { on: 'cluster', argv: ['kubectl', '-n', namespace, 'patch', 'service', name, '-p', body] };
    });
  return {
    kind: 'at-source',
    title: `Let every node answer for ${joinWords(services.map((service) => service.replace('service/', '')))}`,
    commands: patch('Cluster'),
    changes: cause.changes,
    undo: patch('Local'),
    risk: 'low',
    isDisruptive: false,
    note: 'The pods then see a node’s address in place of the client’s; where they need it, run one on every node that clients use.',
  };
}

function allowInPolicy(cause: RootCause, world: World, flows: readonly Flow[]): readonly RepairDraft[] {
  const policies = cause.subjects.filter((subject) => subject.startsWith('networkpolicy/'));
  const [policy] = policies;
  if (policy === undefined || flows.length === 0) return [];
  const [, namespace = '', name = ''] = policy.split('/');
  const direction = findDirection(world, namespace, flows);
  const count = countRules(world, { namespace, name }, direction);
  const rule = writeRule(world, direction, flows);
  const isFirst = count === 0;
  const add = isFirst
    ? { op: 'add', path: `/spec/${direction}`, value: [rule] }
    : { op: 'add', path: `/spec/${direction}/-`, value: rule };
  const remove = { op: 'remove', path: isFirst ? `/spec/${direction}` : `/spec/${direction}/${count ?? 0}` };
  const patch = (step: unknown): RepairCommand => ({
    on: 'cluster',
    argv: [
      ...['kubectl', '-n', namespace, 'patch', 'networkpolicy', name, '--type=json', '-p'],
      JSON.stringify([step]),
    ],
  });
  return [
    {
      kind: 'at-source',
      title: `Allow it in NetworkPolicy ${namespace}/${name}`,
      commands: [patch(add)],
      changes: cause.changes,
      undo: count === undefined ? [] : [patch(remove)],
      risk: 'medium',
      isDisruptive: false,
      note: 'Ask whoever wrote the policy whether it is meant to be allowed.',
    },
  ];
}

type Direction = 'egress' | 'ingress';

/** A policy stands with its pods: it refuses what they send, or what comes to them. */
function findDirection(world: World, namespace: string, flows: readonly Flow[]): Direction {
  const targets = flows.map((flow) => targetOf(world, flow)?.namespace);
  const isOfSender = flows.every((flow) => flow.from.startsWith(`pod/${namespace}/`));
  const isOfTarget = targets.some((target) => target === namespace);
  return isOfSender && !isOfTarget ? 'egress' : 'ingress';
}

interface Target {
  readonly namespace: string;
}

/** Whose address it is: a Service's or a pod's. */
function targetOf(world: World, flow: Flow): Target | undefined {
  const { services, pods } = world.network.cluster;
  const service = services.known
    ? services.value.find((one) => [...one.clusterIps, ...one.externalIps].includes(flow.to))
    : undefined;
  return service ?? (pods.known ? pods.value.find((pod) => pod.ips.includes(flow.to)) : undefined);
}

function writeRule(world: World, direction: Direction, flows: readonly Flow[]): Json {
  const namespaces =
    direction === 'egress'
      ? flows.flatMap((flow) => targetOf(world, flow)?.namespace ?? [])
      : flows.flatMap((flow) => (flow.from.startsWith('pod/') ? [flow.from.split('/')[1] ?? ''] : []));
  const peers = [...new Set(namespaces)].sort().map((name) => ({
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
  }));
  const ports = listPorts(flows);
  return {
    ...(peers.length === 0 ? {} : { [direction === 'egress' ? 'to' : 'from']: peers }),
    ...(ports.length === 0 ? {} : { ports }),
  };
}

/** Names are asked for by UDP, and by TCP where the answer is long. */
function listPorts(flows: readonly Flow[]): readonly { readonly protocol: string; readonly port: number }[] {
  const asked = flows.flatMap(({ protocol, port }) =>
    port === undefined || protocol === 'icmp' ? [] : [`${protocol.toUpperCase()} ${port}`],
  );
  const all = asked.includes('UDP 53') ? [...asked, 'TCP 53'] : asked;
  return [...new Set(all)].sort().map((text) => {
    const [protocol = 'TCP', port = '0'] = text.split(' ');
    return { protocol, port: Number(port) };
  });
}

function countRules(
  world: World,
  policy: { readonly namespace: string; readonly name: string },
  direction: Direction,
): number | undefined {
  const known = resourceOf(world.network.cluster, 'networkpolicies.networking.k8s.io');
  const found = known.known
    ? known.value.find((one) => one.namespace === policy.namespace && one.name === policy.name)
    : undefined;
  const spec = found?.raw['spec'];
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) return undefined;
  const rules = (spec as { readonly [key: string]: Json | undefined })[direction];
  return Array.isArray(rules) ? rules.length : 0;
}
