// How large the packets of a flow are in each direction. TCP's ends say when they connect what their own devices take, and a
// rule on the way may lower what they said; other protocols' packets are as large as was asked. In: a flow. Out: the same with
// its two sizes. Rules: Linux 6.12 net/ipv4/tcp_output.c (tcp_advertise_mss), net/netfilter/xt_TCPMSS.c: what a SYN says bounds
// what the other end sends, so a rule that meets the SYN bounds the answers, and one that meets the SYN-ACK the requests.
import type { Flow } from './flow.ts';
import { firstStep } from './first-step.ts';
import { makeAnswer } from './make-answer.ts';
import { runWalk } from './walk-driver.ts';
import type { FinishedWay } from './walk-driver.ts';
import type { Namespace, Network } from '../model/network.ts';
import type { Address } from '../net/address.ts';

export interface SizedFlow extends Flow {
  readonly requestBytes?: number;
  readonly answerBytes?: number;
}

export function agreeOnSizes(network: Network, flow: Flow): SizedFlow {
  const { sizeBytes } = flow;
  if (sizeBytes === undefined || !network.namespaces.has(flow.from)) return flow;
  const request = flow.isRequestSmall === true ? undefined : sizeBytes;
  if (flow.protocol !== 'tcp') return withSizes(flow, request, sizeBytes);
  const ways = runWalk(network, firstStep(flow));
  const answers = ways.flatMap((way) => connectBack(network, way));
  const ends = Math.min(sizeBytes, ...ways.flatMap((way) => listOwnLimits(network, way)));
  return withSizes(
    flow,
    request === undefined ? undefined : Math.min(ends, ...answers.flatMap(clampOf)),
    Math.min(ends, ...ways.flatMap(clampOf)),
  );
}

function withSizes(flow: Flow, requestBytes: number | undefined, answerBytes: number): SizedFlow {
  return { ...flow, answerBytes, ...(requestBytes === undefined ? {} : { requestBytes }) };
}

function connectBack(network: Network, { state, end }: FinishedWay): readonly FinishedWay[] {
  if (end.kind !== 'delivered') return [];
  return runWalk(network, {
    state: makeAnswer(state),
    stage: { kind: 'send', namespace: end.to, isBound: true },
  });
}

function clampOf({ state }: FinishedWay): number | readonly never[] {
  return state.clampedBytes ?? [];
}

/** What the device takes by which the one end asks, and that which has the address where the other answers. */
function listOwnLimits(network: Network, { state, end }: FinishedWay): readonly number[] {
  const far = end.kind === 'delivered' ? network.namespaces.get(end.to) : undefined;
  const first = state.hops.find((hop) => hop.link !== undefined);
  const asking = network.namespaces.get(first?.at ?? '')?.linksByName.get(first?.link ?? '');
  const answering = far === undefined ? undefined : findOwnDevice(far, state.packet.destination);
  return [asking, answering].flatMap((link) => link?.mtuBytes ?? []);
}

function findOwnDevice(namespace: Namespace, address: Address): { readonly mtuBytes?: number } | undefined {
  for (const [link, facts] of namespace.addressesByLink)
    if (facts.some((fact) => fact.address === address)) return namespace.linksByName.get(link);
  return undefined;
}
