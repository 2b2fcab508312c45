// The question of a routing lookup as numbers: what the kernel's struct flowi4 and flowi6 hold.
// In: a RouteQuery. Out: a FlowKey, which a caller with many questions may fill in again and again (it is mutable on
// purpose). An IPv4 address is the last word. A local sender's packets count as coming in by the loopback device.
import { wordsOf } from '../net/address.ts';
import type { Words } from '../net/address.ts';
import type { RouteQuery } from './lookup.ts';

export interface FlowKey {
  to0: number;
  to1: number;
  to2: number;
  to3: number;
  from0: number;
  from1: number;
  from2: number;
  from3: number;
  /** False for a sender that has not chosen its address yet. */
  hasSource: boolean;
  mark: number;
  tos: number;
  protocol: number;
  sourcePort: number;
  destinationPort: number;
  uid: number;
  inputLink: string;
  outputLink: string | undefined;
  /** IPv6: the device that candidates are compared with: the output device, or the input device of a received packet. */
  preferredLink: string | undefined;
  /** IPv6: an unbound sender's socket is bound to a device; then only candidates on that device count. */
  isBound: boolean;
}

export function makeFlowKey(query: RouteQuery, loopback: string): FlowKey {
  const to = wordsOf(query.to);
  const from = query.from === undefined ? noWords : wordsOf(query.from);
  const hasSource = from.some((word) => word !== 0);
  const isReceived = query.inputLink !== undefined && query.inputLink !== loopback;
  const isBound = !isReceived && query.outputLink !== undefined && !hasSource;
  return {
    to0: to[0],
    to1: to[1],
    to2: to[2],
    to3: to[3],
    from0: from[0],
    from1: from[1],
    from2: from[2],
    from3: from[3],
    hasSource,
    mark: query.mark | 0,
    tos: query.tos,
    protocol: query.ipProtocol,
    sourcePort: query.sourcePort ?? 0,
    destinationPort: query.destinationPort ?? 0,
    uid: query.uid ?? 0,
    inputLink: query.inputLink ?? loopback,
    outputLink: query.outputLink,
    preferredLink: isReceived ? query.inputLink : query.outputLink,
    isBound,
  };
}

const noWords: Words = [0, 0, 0, 0];

/**
 * Whether only candidates on the preferred device count. Multicast, link-local and loopback destinations mean something
 * only on a device (rt6_need_strict, Linux 6.12).
 */
export function isStrictFlow(flow: FlowKey): boolean {
  if (flow.isBound) return true;
  const top = flow.to0;
  const isLoopback = top === 0 && flow.to1 === 0 && flow.to2 === 0 && flow.to3 === 1;
  return top >>> 24 === 0xff || top >>> 22 === 0xfe80 >>> 6 || isLoopback;
}

/** The destinations that isStrictFlow tells from the rest. */
export const strictPrefixes: readonly string[] = ['ff00::/8', 'fe80::/10', '::1/128'];
