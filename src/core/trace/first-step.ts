// The first packet of a flow, about to be sent.
import type { Flow, Packet } from './flow.ts';
import type { Step, WalkState } from './walk.ts';
import { familyOf } from '../net/address.ts';
import type { Address } from '../net/address.ts';

/** A client's port; which one never matters to what is modelled, but it has to be one. */
const clientPort = 40000;

/** `sizeBytes`: of the packet; absent: small enough for any way. */
export function firstStep(flow: Flow, sizeBytes?: number): Step {
  const isBound = flow.fromAddress !== undefined;
  const start: WalkState = {
    packet: { ...firstPacket(flow), ...(sizeBytes === undefined ? {} : { sizeBytes }) },
    hops: [],
    connections: [],
    doubts: [],
    isPortChosen: flow.fromPort !== undefined,
    isReply: false,
    depth: 0,
    visited: new Set(),
  };
  return { state: start, stage: { kind: 'send', namespace: flow.from, isBound } };
}

function firstPacket(flow: Flow): Packet {
  const unspecified = (familyOf(flow.to) === 6 ? '::' : '0.0.0.0') as Address;
  return {
    source: flow.fromAddress ?? unspecified,
    destination: flow.to,
    protocol: flow.protocol,
    sourcePort: flow.protocol === 'icmp' ? 0 : (flow.fromPort ?? clientPort),
    destinationPort: flow.protocol === 'icmp' ? 0 : (flow.port ?? 0),
    mark: flow.mark ?? 0,
    ttl: 64,
  };
}
