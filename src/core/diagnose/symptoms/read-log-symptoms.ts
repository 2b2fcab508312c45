// Symptoms in logs: lines that speak of a connection that failed, grouped by pod, class and destination. Each group is
// bound to the flows it is about: a name that does not resolve to the cluster's DNS, a destination that is named to
// that destination, and otherwise to whatever the pod's other pods are.
import { classifyLogLine } from './classify-log-line.ts';
import type { LogError } from './classify-log-line.ts';
import type { ObservedSymptom } from './observed-symptom.ts';
import { resolveClusterName } from './resolve-cluster-name.ts';
import type { LogErrorClass } from '../diagnosis.ts';
import type { Evidence } from '../../fact/evidence.ts';
import type { Network } from '../../model/network.ts';
import { parseAddress } from '../../net/address.ts';
import type { ContainerLog, PodFact } from '../../snapshot/cluster-facts.ts';
import type { Flow } from '../../trace/flow.ts';

interface Group {
  readonly error: LogError;
  readonly lines: { readonly evidence: Evidence; readonly text: string }[];
}

export function readLogSymptoms(network: Network, logs: readonly ContainerLog[]): readonly ObservedSymptom[] {
  const pods = new Map(
    (network.cluster.pods.known ? network.cluster.pods.value : []).map((pod) => [
      `pod/${pod.namespace}/${pod.name}`,
      pod,
    ]),
  );
  const byPod = new Map<string, ContainerLog[]>();
  // The run before comes before the run that goes on.
  for (const log of [...logs].sort((a, b) => Number(b.isPrevious) - Number(a.isPrevious))) {
    const id = `pod/${log.namespace}/${log.pod}`;
    byPod.set(id, [...(byPod.get(id) ?? []), log]);
  }
  return [...byPod]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([id, own]) =>
      [...groupLines(own).values()].map((group) =>
        makeSymptom(network, { id, logs: own }, group, pods.get(id)),
      ),
    );
}

interface PodLogs {
  readonly id: string;
  readonly logs: readonly ContainerLog[];
}

/** Some programs break a sentence: libpq names the server on indented lines under the error. */
const maxContinuation = 2;

function withContinuation(text: string, next: readonly { readonly text: string }[]): string {
  if (/^\s/.test(text)) return text;
  const end = next.findIndex((line) => !/^\s+\S/.test(line.text));
  const indented = end < 0 ? next : next.slice(0, end);
  return [text, ...indented.map((line) => line.text.trim())].join(' ');
}

function groupLines(logs: readonly ContainerLog[]): ReadonlyMap<string, Group> {
  const groups = new Map<string, Group>();
  const lines = logs.flatMap((log) => (log.lines.known ? log.lines.value : []));
  for (const [at, line] of lines.entries()) {
    const error = classifyLogLine(withContinuation(line.text, lines.slice(at + 1, at + 1 + maxContinuation)));
    if (error === undefined) continue;
    const key = `${error.class} ${error.destination?.host ?? ''} ${error.destination?.port ?? ''}`;
    const group = groups.get(key) ?? { error, lines: [] };
    group.lines.push(line);
    groups.set(key, group);
  }
  return groups;
}

function makeSymptom(
  network: Network,
  own: PodLogs,
  group: Group,
  pod: PodFact | undefined,
): ObservedSymptom {
  const { id } = own;
  const last = group.lines.at(-1);
  const text = (last?.text ?? '').trim();
  const quote = text.length > 200 ? `${text.slice(0, 197)}...` : text;
  return {
    symptom: {
      kind: 'log-error',
      class: group.error.class,
      subject: id,
      text: quote,
      count: group.lines.length,
      evidence: last === undefined ? [] : [{ ...last.evidence, quote }],
    },
    pod: id,
    flows: network.namespaces.has(id) ? bindFlows(network, id, group.error) : [],
    isPast: pod === undefined || (pod.isReady === true && !own.logs.some((log) => isRecent(log, group))),
    followsLog: false,
  };
}

/** The newest tenth of what the pod says now counts as its present state. */
function isRecent(log: ContainerLog, group: Group): boolean {
  if (log.isPrevious || !log.lines.known) return false;
  const newest = log.lines.value.slice(-Math.max(3, Math.ceil(log.lines.value.length / 10)));
  const texts = new Set(newest.map((line) => line.evidence.at));
  return group.lines.some((line) => texts.has(line.evidence.at));
}

const dnsClasses: readonly LogErrorClass[] = ['dns-temporary'];
const networkClasses: readonly LogErrorClass[] = ['timeout', 'no-route', 'refused', 'tls'];

function bindFlows(network: Network, from: string, error: LogError): readonly Flow[] {
  if (dnsClasses.includes(error.class)) return dnsFlows(network, from);
  if (!networkClasses.includes(error.class)) return [];
  const destination = error.destination;
  const named = destination === undefined ? [] : flowsTo(network, from, destination);
  if (named.length > 0) return named;
  return destination === undefined ? flowsToOtherPods(network, from) : [];
}

export function dnsFlows(network: Network, from: string): readonly Flow[] {
  const services = network.cluster.services.known ? network.cluster.services.value : [];
  const dns = services.find(
    (service) =>
      service.namespace === 'kube-system' &&
      service.ports.some((port) => port.protocol === 'udp' && port.port === 53),
  );
  return (dns?.clusterIps ?? []).map((to) => ({ from, to, protocol: 'udp' as const, port: 53 }));
}

function flowsTo(
  network: Network,
  from: string,
  destination: { readonly host: string; readonly port?: number },
): readonly Flow[] {
  const address = parseAddress(destination.host);
  const addresses = address === undefined ? resolveClusterName(network, from, destination.host) : [address];
  return addresses.map((to) => ({
    from,
    to,
    protocol: 'tcp' as const,
    ...(destination.port === undefined ? {} : { port: destination.port }),
  }));
}

/** Nothing is named: the pods that this one could have meant, one on each other machine. */
function flowsToOtherPods(network: Network, from: string): readonly Flow[] {
  const own = network.namespaces.get(from)?.machine;
  const byMachine = new Map<string, Flow>();
  for (const namespace of network.namespaces.values()) {
    if (
      !namespace.id.startsWith('pod/') ||
      namespace.id === from ||
      namespace.machine === own ||
      byMachine.has(namespace.machine)
    )
      continue;
    const address = [...namespace.addressesByLink].find(([link]) => link !== 'lo')?.[1][0]?.address;
    if (address !== undefined) byMachine.set(namespace.machine, { from, to: address, protocol: 'icmp' });
  }
  return [...byMachine.values()];
}
