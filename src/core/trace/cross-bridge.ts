// A frame that a machine's bridge carries from one of its ports to another, or up to the machine itself. In: who sends by
// which device, and which device takes it. Out: the port it comes in by, and the machine's hooks where br_netfilter has
// them run for what the bridge carries. Rules: Linux 6.12 net/bridge/br_netfilter_hooks.c (br_nf_pre_routing,
// br_nf_forward_ip, br_nf_post_routing): IP's own PREROUTING, FORWARD and POSTROUTING, with the bridge as the device.
import type { Evidence } from '../fact/evidence.ts';
import { missing } from '../fact/known.ts';
import { wireKey } from '../model/network.ts';
import type { Namespace, Network, WireEnd } from '../model/network.ts';
import type { Doubt } from './filter/chain-outcome.ts';
import type { Element } from './flow.ts';
import { passFrame } from './pass-frame.ts';
import type { FramePlace } from './pass-frame.ts';
import { passHook } from './pass-hook.ts';
import type { HookResult, PassingPlace } from './pass-hook.ts';
import type { DeviceOnSegment } from './segment.ts';
import { addHop } from './walk.ts';
import type { Stage, WalkState } from './walk.ts';

export interface BridgeCrossing {
  readonly machine: Namespace;
  readonly bridge: string;
  readonly inputPort?: string;
  readonly outputPort?: string;
}

/** The port of a bridge that the sender's device is plugged into, for frames to the machine of the bridge itself. */
export function findInputPort(
  network: Network,
  from: DeviceOnSegment,
  to: DeviceOnSegment,
): string | undefined {
  const near = network.wires.get(wireKey(from.namespace, from.link));
  if (near === undefined || near.namespace !== to.namespace || near.link === to.link) return undefined;
  return bridgeOf(network, near) === to.link ? near.link : undefined;
}

/** The bridge between the two devices, where both are plugged into the same one of a third machine. */
export function findCrossing(
  network: Network,
  from: DeviceOnSegment,
  to: DeviceOnSegment,
): BridgeCrossing | undefined {
  const near = network.wires.get(wireKey(from.namespace, from.link));
  const far = network.wires.get(wireKey(to.namespace, to.link));
  if (near === undefined || far?.namespace !== near.namespace) return undefined;
  const bridge = bridgeOf(network, near);
  const machine = network.namespaces.get(near.namespace);
  if (machine === undefined || bridge === undefined || bridge !== bridgeOf(network, far)) return undefined;
  return {
    machine,
    bridge,
    ...(near.link === bridge ? {} : { inputPort: near.link }),
    ...(far.link === bridge ? {} : { outputPort: far.link }),
  };
}

function bridgeOf(network: Network, end: WireEnd): string | undefined {
  const link = network.namespaces.get(end.namespace)?.linksByName.get(end.link);
  return link?.kind === 'bridge' ? link.name : link?.master;
}

/** The states in which the frame comes out of the bridge; both, where nobody knows whether the hooks run. */
export function crossBridge(
  network: Network,
  state: WalkState,
  crossing: BridgeCrossing,
): readonly HookResult[] {
  const entering: WalkState = {
    ...state,
    tracking: undefined,
    packet: { ...state.packet, mark: 0 },
  };
  const { machine, inputPort, outputPort } = crossing;
  const frame: FramePlace = {
    network,
    namespace: machine,
    hooks: ['ingress', 'prerouting', 'forward', 'postrouting'],
    ...(inputPort === undefined ? {} : { inputLink: inputPort }),
    ...(outputPort === undefined ? {} : { outputLink: outputPort }),
  };
  return passFrame(entering, frame).flatMap((result) =>
    result.kind === 'ended' ? [result] : carryFrame(network, result.state, crossing),
  );
}

function carryFrame(network: Network, entering: WalkState, crossing: BridgeCrossing): readonly HookResult[] {
  const family = entering.packet.destination.includes(':') ? 6 : 4;
  const setting = readBridgeFilter(crossing.machine, family);
  const isOn = (): readonly HookResult[] => passBridgeHooks(network, entering, crossing);
  const isOff = (): readonly HookResult[] => [passBeside(entering, crossing, setting)];
  if (setting.value !== undefined) return setting.value === '0' ? isOff() : isOn();
  return mergeUnsure(isOn(), isOff(), setting.doubt);
}

interface BridgeFilter {
  readonly key: string;
  readonly value?: string;
  readonly evidence?: Evidence;
  readonly doubt: Doubt;
}

function readBridgeFilter(machine: Namespace, family: 4 | 6): BridgeFilter {
  const key = family === 4 ? 'net.bridge.bridge-nf-call-iptables' : 'net.bridge.bridge-nf-call-ip6tables';
  const { sysctls } = machine.facts;
  const fact = sysctls.known ? sysctls.value.get(key) : undefined;
  const gap = sysctls.known
    ? missing('not-collected', sysctls.evidence.path, `${key} is not in it`)
    : sysctls;
  const doubt: Doubt = {
    id: `${machine.id} ${key}`,
    question: `do ${machine.id}'s chains see what its bridges carry (${key})?`,
    side: 'matches',
    missing: gap,
  };
  return fact === undefined ? { key, doubt } : { key, value: fact.value, evidence: fact.evidence, doubt };
}

function passBridgeHooks(
  network: Network,
  state: WalkState,
  crossing: BridgeCrossing,
): readonly HookResult[] {
  const { machine, bridge, inputPort, outputPort } = crossing;
  const base = { network, namespace: machine, isBridged: true };
  const input = inputPort === undefined ? {} : { physicalInput: inputPort };
  const output = outputPort === undefined ? {} : { physicalOutput: outputPort };
  const hooks: readonly PassingPlace[] = [
    { ...base, ...input, hook: 'prerouting', inputLink: bridge },
    { ...base, ...input, ...output, hook: 'forward', inputLink: bridge, outputLink: bridge },
    { ...base, ...input, ...output, hook: 'postrouting', outputLink: bridge },
  ];
  let results: readonly HookResult[] = [{ kind: 'passed', state, isRerouted: false }];
  for (const hook of hooks) {
    results = results.flatMap((result) =>
      result.kind === 'ended'
        ? [result]
        : passHook(result.state, hook).map((next) => liftTranslated(next, state, crossing)),
    );
  }
  return results;
}

/** A new destination is the machine's to route: the frame is for another neighbour now, or for no neighbour there. */
function liftTranslated(result: HookResult, before: WalkState, crossing: BridgeCrossing): HookResult {
  if (result.kind === 'ended' || result.state.packet.destination === before.packet.destination) return result;
  const { machine, bridge, inputPort } = crossing;
  const stage: Stage = {
    kind: 'input',
    namespace: machine.id,
    link: bridge,
    beforeBridge: before.packet.destination,
    ...(inputPort === undefined ? {} : { port: inputPort }),
  };
  return { kind: 'ended', step: { state: result.state, stage } };
}

/** Support for whoever asks why an answer was not translated back. */
function passBeside(state: WalkState, crossing: BridgeCrossing, setting: BridgeFilter): HookResult {
  const { machine, bridge } = crossing;
  const isRemembered = state.connections.some((connection) => connection.namespace === machine.id);
  if (!isRemembered || setting.value === undefined || setting.evidence === undefined)
    return { kind: 'passed', state, isRerouted: false };
  const { key, value, evidence } = setting;
  const element: Element = { kind: 'sysctl', namespace: machine.id, key, value, evidence };
  const hop = addHop(state, machine.id, {
    step: 'bridge',
    did: `${bridge} carries it past the chains of ${machine.id} (${key} = ${value})`,
    because: [evidence],
    elements: [element],
    link: bridge,
  });
  return { kind: 'passed', state: hop, isRerouted: false };
}

function mergeUnsure(
  on: readonly HookResult[],
  off: readonly HookResult[],
  doubt: Doubt,
): readonly HookResult[] {
  // Alike, but what the chains would remember is kept: the answer may ask for it.
  if (on.every((result) => isUntouched(result, off[0]))) return on;
  return [
    ...on.map((result) => addDoubt(result, { ...doubt, side: 'matches' })),
    ...off.map((result) => addDoubt(result, { ...doubt, side: 'does not match' })),
  ];
}

function isUntouched(result: HookResult, other: HookResult | undefined): boolean {
  if (result.kind === 'ended' || other === undefined || other.kind === 'ended') return false;
  const { packet } = result.state;
  return packet.source === other.state.packet.source && packet.destination === other.state.packet.destination;
}

function addDoubt(result: HookResult, doubt: Doubt): HookResult {
  const state = result.kind === 'ended' ? result.step.state : result.state;
  const doubted: WalkState = { ...state, doubts: [...state.doubts, doubt] };
  return result.kind === 'ended'
    ? { kind: 'ended', step: { ...result.step, state: doubted } }
    : { ...result, state: doubted };
}
