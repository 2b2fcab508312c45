// A route as a listing prints it, before its words mean anything: what the JSON and the text of it have in common.
import type { RouteType } from '../namespace-facts.ts';

export interface RouteDraft {
  type?: string;
  destination: string;
  from?: string;
  table?: string;
  protocol?: string;
  scope?: string;
  metric?: number;
  tos?: string;
  preferredSource?: string;
  preference?: string;
  mtuBytes?: number;
  nexthopId?: number;
  /** An encapsulation, or something else that decides what happens to the packet and that we cannot evaluate. */
  isOpaque?: boolean;
  nexthops: NexthopDraft[];
}

export interface NexthopDraft {
  gateway?: string;
  link?: string;
  weight?: number;
  flags: string[];
}

export const routeTypes: ReadonlyMap<string, RouteType> = new Map([
  ['unicast', 'unicast'],
  ['local', 'local'],
  ['broadcast', 'broadcast'],
  ['anycast', 'anycast'],
  ['multicast', 'multicast'],
  ['blackhole', 'blackhole'],
  ['unreachable', 'unreachable'],
  ['prohibit', 'prohibit'],
  ['throw', 'throw'],
]);

export function isRouteTypeName(word: string): boolean {
  return routeTypes.has(word) || word === 'nat' || word === 'xresolve';
}
