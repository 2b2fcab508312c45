// The address that MASQUERADE puts in place of a source. It ignores the route's preferred source (measured, Linux 6.18):
// it takes what the device offers for the next hop, and another device's address where this one has none (Linux 6.12,
// nf_nat_masquerade.c).
import type { Namespace } from '../model/network.ts';
import { familyOf } from '../net/address.ts';
import type { Address } from '../net/address.ts';
import { selectSource6 } from './ipv6-source.ts';
import { selectSource4 } from './source-address.ts';

export interface LeavingWay {
  readonly link: string;
  readonly gateway: Address | undefined;
  readonly to: Address;
}

export function selectMasquerade(namespace: Namespace, way: LeavingWay): Address | undefined {
  const { link, gateway, to } = way;
  return familyOf(to) === 6
    ? selectSource6(namespace, link, to)
    : selectSource4(namespace, { link, gateway: gateway ?? to, scope: 0 });
}
