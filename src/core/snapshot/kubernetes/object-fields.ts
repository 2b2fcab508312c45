// Looks into Kubernetes objects that several kinds share: lists of addresses and prefixes, protocols, conditions.
import { parseAddress } from '../../net/address.ts';
import type { Address } from '../../net/address.ts';
import { parsePrefix } from '../../net/prefix.ts';
import type { Prefix } from '../../net/prefix.ts';
import type { Json } from '../cluster-facts.ts';
import { objectsOf, textOf } from '../syntax/parse-json.ts';

export type TransportProtocol = 'tcp' | 'udp' | 'sctp';

/** The API defaults a port's protocol to TCP. */
export function protocolOf(json: Json | undefined): TransportProtocol {
  const name = textOf(json)?.toLowerCase();
  return name === 'udp' || name === 'sctp' ? name : 'tcp';
}

/** The addresses among the texts, each once, in order. */
export function addressesOf(texts: readonly (string | undefined)[]): readonly Address[] {
  const addresses = texts.map((text) => parseAddress(text ?? '')).filter((address) => address !== undefined);
  return [...new Set(addresses)];
}

export function prefixesOf(texts: readonly (string | undefined)[]): readonly Prefix[] {
  const unique = new Set(texts.filter((text) => text !== undefined));
  return [...unique].map((text) => parsePrefix(text)).filter((prefix) => prefix !== undefined);
}

/** Whether the condition is True; undefined where it is not there or Unknown. */
export function conditionOf(conditions: Json | undefined, type: string): boolean | undefined {
  const status = textOf(objectsOf(conditions).find((condition) => condition.type === type)?.status);
  return status === 'True' ? true : status === 'False' ? false : undefined;
}
