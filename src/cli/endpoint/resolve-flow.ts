// `waylaid trace FROM TO` as a flow. In: two texts as the user typed them, the options, and the network. Out: the flow and
// what the destination is called; or one sentence that says which name is not known or not clear, with the nearest ones.
import type { Network, NamespaceId } from '../../core/model/network.ts';
import { familyOf, parseAddress } from '../../core/net/address.ts';
import type { Address, Family } from '../../core/net/address.ts';
import { shortName } from '../../core/report/names.ts';
import type { Flow, Protocol } from '../../core/trace/flow.ts';
import { Failure } from '../failure.ts';
import { suggestNearest } from '../nearest.ts';
import { findCandidates, findSenders, indexNames, listNames } from './name-index.ts';
import type { Candidate, NameIndex } from './name-index.ts';
import { choosePort, splitPort } from './port.ts';
import type { PortWish } from './port.ts';

export interface FlowQuestion {
  readonly from: string;
  readonly to: string;
  readonly protocol?: Protocol;
  readonly port?: string;
  readonly mark?: number;
  /** The port it comes from, for what depends on tracked connections. */
  readonly sourcePort?: number;
  /** Bytes of IP that its packets have, both ways. */
  readonly sizeBytes?: number;
}

export interface ResolvedFlow {
  readonly flow: Flow;
  /** What the destination is called: `shop/store`, `svc/shop/web`, or the address as typed. */
  readonly toName: string;
}

export function resolveFlow(network: Network, question: FlowQuestion): ResolvedFlow {
  const index = indexNames(network);
  const sender = resolveSender(network, index, question.from);
  const target = splitPort(question.to);
  const wish: PortWish = {
    ...(question.protocol === undefined ? {} : { protocol: question.protocol }),
    ...portOf(question, target.port),
  };
  const receiver = resolveReceiver(index, target.name, sender.family);
  const { protocol, port } = choosePort(receiver.candidate, wish);
  return {
    flow: {
      from: sender.namespace,
      ...(sender.address === undefined ? {} : { fromAddress: sender.address }),
      to: receiver.address,
      protocol,
      ...(port === undefined ? {} : { port }),
      ...(question.mark === undefined ? {} : { mark: question.mark }),
      ...(question.sourcePort === undefined ? {} : { fromPort: question.sourcePort }),
      ...(question.sizeBytes === undefined ? {} : { sizeBytes: question.sizeBytes }),
    },
    toName: receiver.name,
  };
}

function portOf(question: FlowQuestion, ofName: string | undefined): { port?: string } {
  if (question.port !== undefined && ofName !== undefined && question.port !== ofName) {
    throw new Failure(
      `the port is given twice: ${ofName} in "${question.to}" and ${question.port} by --port.`,
    );
  }
  const port = question.port ?? ofName;
  return port === undefined ? {} : { port };
}

interface Sender {
  readonly namespace: NamespaceId;
  /** Set where the user named an address: the sender is bound to it. */
  readonly address?: Address;
  readonly family?: Family;
}

function resolveSender(network: Network, index: NameIndex, text: string): Sender {
  const address = parseAddress(text);
  if (address !== undefined) {
    const owner = network.owners.get(address)?.[0];
    if (owner === undefined)
      throw new Failure(`nothing in the evidence has the address ${address} to send from.`);
    return { namespace: owner.namespace, address, family: familyOf(address) };
  }
  const candidate = pickOne(index, text, findSenders(index, text));
  switch (candidate.kind) {
    case 'machine':
      return { namespace: candidate.name };
    case 'service':
      throw new Failure(
        `${candidate.name} is a Service, which sends nothing; name a pod or a node to send from.`,
      );
    case 'pod':
      return senderOfPod(candidate.pod, candidate.name);
  }
}

/** A pod on the host's network sends from its node's namespace. */
function senderOfPod(pod: Extract<Candidate, { kind: 'pod' }>['pod'], name: string): Sender {
  if (!pod.isHostNetwork) {
    const [first] = pod.ips;
    return { namespace: name, ...(first === undefined ? {} : { family: familyOf(first) }) };
  }
  if (pod.nodeName === undefined) throw new Failure(`${name} is on no node yet, so it cannot send.`);
  return { namespace: `node/${pod.nodeName}` };
}

interface Receiver {
  readonly address: Address;
  readonly name: string;
  readonly candidate?: Candidate;
}

function resolveReceiver(index: NameIndex, name: string, family: Family | undefined): Receiver {
  const address = parseAddress(name);
  if (address !== undefined) return { address, name: address, ...serviceOf(index, address) };
  const candidate = pickOne(index, name, findCandidates(index, name));
  const addresses = addressesOf(candidate);
  const chosen = addresses.find((one) => family === undefined || familyOf(one) === family) ?? addresses[0];
  if (chosen === undefined) throw new Failure(describeNoAddress(candidate));
  return { address: chosen, name: shownName(candidate), candidate };
}

/** Pods and machines by their short names, as on the left side of a trace. */
function shownName(candidate: Candidate): string {
  return candidate.kind === 'service' ? candidate.name : shortName(candidate.name);
}

/** A Service's address brings the Service's port along. */
function serviceOf(index: NameIndex, address: Address): { candidate?: Candidate } {
  const service = index.services.find((one) => one.clusterIps.includes(address));
  if (service === undefined) return {};
  return { candidate: { kind: 'service', name: `svc/${service.namespace}/${service.name}`, service } };
}

function addressesOf(candidate: Candidate): readonly Address[] {
  switch (candidate.kind) {
    case 'pod':
      return candidate.pod.ips;
    case 'service':
      return candidate.service.clusterIps;
    case 'machine':
      return candidate.addresses;
  }
}

function describeNoAddress(candidate: Candidate): string {
  if (candidate.kind !== 'service') return `${candidate.name} has no address in the evidence.`;
  const { type, isHeadless } = candidate.service;
  if (isHeadless) return `${candidate.name} is headless: it has no address of its own; name one of its pods.`;
  return `${candidate.name} (${type}) has no address in the cluster.`;
}

function pickOne(index: NameIndex, name: string, candidates: readonly Candidate[]): Candidate {
  const [first, second] = candidates;
  if (first === undefined) {
    const names = listNames(index);
    const hint = suggestNearest(name, names);
    const none = names.length === 0 ? ' The evidence names no pod, Service or node.' : '';
    throw new Failure(`nothing in the evidence is called "${name}".${hint === '' ? none : hint}`);
  }
  if (second === undefined) return first;
  const listed = candidates.slice(0, 5).map((candidate) => candidate.name);
  const more = candidates.length > listed.length ? ` and ${candidates.length - listed.length} more` : '';
  throw new Failure(`"${name}" can be ${listed.join(', ')}${more}; write which.`);
}
