// A packet that came to a machine by its bridge and whose destination PREROUTING changed, where br_netfilter runs IP's hooks
// for bridges. If the new destination lies behind the same bridge, the frame is not routed: the bridge sends it on to the
// port of its new neighbour, through FORWARD and POSTROUTING as a bridged packet, with its TTL. And a bridge sends nothing
// back by the port it came from unless that port's hairpin mode is on: so a pod reaches itself through its Service.
// Rules: Linux 6.12 br_netfilter_hooks.c (br_nf_pre_routing_finish, bridged_dnat), br_netfilter_ipv6.c, br_forward.c
// (should_deliver). In: the packet after PREROUTING. Out: the steps that follow, or nothing where IP goes on as always.
import { wireKey } from '../model/network.ts';
import type { Namespace, Network } from '../model/network.ts';
import { familyOf } from '../net/address.ts';
import type { Address } from '../net/address.ts';
import type { LinkFact } from '../snapshot/namespace-facts.ts';
import { findNeighbor } from './find-neighbor.ts';
import type { RouteAnswer } from './lookup.ts';
import { passHook } from './pass-hook.ts';
import type { HookResult, PassingPlace } from './pass-hook.ts';
import type { DeviceOnSegment } from './segment.ts';
import { addHop, endLost } from './walk.ts';
import type { Step, WalkState } from './walk.ts';

export interface BridgeArrival {
  readonly network: Network;
  readonly namespace: Namespace;
  readonly bridge: string;
  readonly port: string;
  /** Where the packet was going before PREROUTING. */
  readonly before: Address;
}

export function carryTranslated(
  state: WalkState,
  arrival: BridgeArrival,
  { nexthops }: Extract<RouteAnswer, { kind: 'route' }>,
): readonly Step[] | undefined {
  const { namespace, bridge, before } = arrival;
  const { destination } = state.packet;
  if (destination === before || !isFiltering(namespace, familyOf(destination))) return undefined;
  const [hop, ...others] = nexthops;
  if (hop?.link !== bridge || others.length > 0) return undefined;
  const neighbor = findNeighbor(arrival.network, namespace, bridge, hop.gateway ?? destination);
  if (neighbor.kind !== 'found') return undefined;
  const output = findPort(arrival, neighbor.device);
  if (output === undefined) return undefined;
  if (output.name === arrival.port && output.isHairpin === false) return [endOnPort(state, arrival, output)];
  const passed = passBridged(state, arrival, { port: output.name, nexthop: hop.gateway ?? destination });
  return passed.map((result) =>
    result.kind === 'ended' ? result.step : sendOn(result.state, arrival, output, neighbor.device),
  );
}

function isFiltering({ facts }: Namespace, family: 4 | 6): boolean {
  const key = family === 4 ? 'net.bridge.bridge-nf-call-iptables' : 'net.bridge.bridge-nf-call-ip6tables';
  return facts.sysctls.known && facts.sysctls.value.get(key)?.value === '1';
}

function findPort({ network, namespace, bridge }: BridgeArrival, to: DeviceOnSegment): LinkFact | undefined {
  const near = network.wires.get(wireKey(to.namespace, to.link));
  if (near?.namespace !== namespace.id) return undefined;
  const port = namespace.linksByName.get(near.link);
  return port?.master === bridge ? port : undefined;
}

function endOnPort(state: WalkState, { namespace, bridge, port }: BridgeArrival, link: LinkFact): Step {
  const hop = addHop(state, namespace.id, {
    step: 'bridge',
    did: `${bridge} sends nothing back by ${port}, where it came from: hairpin mode is off there`,
    because: [link.evidence],
    elements: [{ kind: 'link', namespace: namespace.id, link }],
    link: bridge,
  });
  return endLost(hop, namespace.id, 'no-hairpin');
}

interface Output {
  readonly port: string;
  readonly nexthop: Address;
}

function passBridged(state: WalkState, arrival: BridgeArrival, output: Output): readonly HookResult[] {
  const { network, namespace, bridge, port } = arrival;
  const base = {
    network,
    namespace,
    isBridged: true,
    physicalInput: port,
    physicalOutput: output.port,
    outputLink: bridge,
  };
  const hooks: readonly PassingPlace[] = [
    { ...base, hook: 'forward', inputLink: bridge },
    { ...base, hook: 'postrouting', nexthop: output.nexthop },
  ];
  let results: readonly HookResult[] = [{ kind: 'passed', state, isRerouted: false }];
  for (const hook of hooks)
    results = results.flatMap((result) =>
      result.kind === 'ended' ? [result] : passHook(result.state, hook),
    );
  return results;
}

function sendOn(
  state: WalkState,
  { namespace, bridge, port }: BridgeArrival,
  output: LinkFact,
  device: DeviceOnSegment,
): Step {
  const isBack = output.name === port;
  const hop = addHop(state, namespace.id, {
    step: 'bridge',
    did: `${bridge} carries it from ${port} to ${output.name}, for ${device.namespace}`,
    because: [output.evidence],
    link: bridge,
    ...(isBack && output.isHairpin === undefined ? { assumes: `hairpin mode is on at ${port}` } : {}),
  });
  return { state: hop, stage: { kind: 'input', namespace: device.namespace, link: device.link } };
}
