// snat, dnat, masquerade, redirect and tproxy of nftables. In: the statement's JSON. Out: steps on the rule's draft. An
// address and a port can each be a value, a range, or what a map holds under keys of the packet.
import type { FilterStep, NatRange } from '../../filter-steps.ts';
import { parseAddress } from '../../../net/address.ts';
import type { Address } from '../../../net/address.ts';
import type { Json } from '../../cluster-facts.ts';
import { objectOf, textOf } from '../../syntax/parse-json.ts';
import type { JsonObject } from '../../syntax/parse-json.ts';
import { formatStatement } from './format-nft.ts';
import { bodyOf, setNameOf, taggedOf, wordsIn } from './nft-json.ts';
import { readMapLookup } from './nft-match.ts';
import type { MapLookup } from './nft-match.ts';
import { addImplied } from './nft-rule-draft.ts';
import type { RuleDraft } from './nft-rule-draft.ts';
import { parseValue } from './nft-values.ts';
import type { ValueKind } from './nft-values.ts';

export type NatType = 'snat' | 'dnat' | 'masquerade' | 'redirect';

const notUnderstood = 'its target is not understood';

export function addNat(draft: RuleDraft, type: NatType, body: Json): void {
  const fields = objectOf(body) ?? {};
  const text = formatStatement({ [type]: body });
  const family = familyOfStatement(draft, fields);
  if (family !== undefined) addImplied(draft, { family });
  draft.steps.push(readNat(draft, type, fields, text) ?? { kind: 'opaque', text, why: notUnderstood });
}

/** `dnat ip to …` in a table of several families leaves packets of the other one alone (Linux 6.1, nft_nat_inet_eval). */
function familyOfStatement(draft: RuleDraft, fields: JsonObject): 4 | 6 | undefined {
  const written = textOf(fields.family);
  if (written === 'ip') return 4;
  if (written === 'ip6') return 6;
  return draft.table === 'ip' ? 4 : draft.table === 'ip6' ? 6 : undefined;
}

function readNat(draft: RuleDraft, type: NatType, fields: JsonObject, text: string): FilterStep | undefined {
  const address = bodyOf(fields.addr, 'map');
  const port = bodyOf(fields.port, 'map');
  const isNetmap = wordsIn(fields.flags).includes('netmap') || wordsIn(fields.type_flags).includes('prefix');
  if (isNetmap) return readNetmap(type, fields, text);
  const range = readRange({
    ...(address === undefined ? { addr: fields.addr } : {}),
    ...(port === undefined ? { port: fields.port } : {}),
  });
  if (range === undefined || (address !== undefined && port !== undefined)) return undefined;
  const map = address ?? port;
  if (map === undefined) return { kind: 'nat', type, range, text };
  const lookup =
    address === undefined
      ? readMapLookup(map, draft.table, { kind: 'values', kinds: ['port'] })
      : readTargetLookup(draft, map);
  if (lookup === undefined) return undefined;
  for (const { implies } of lookup.implied) addImplied(draft, implies);
  return { kind: 'nat', type, range, map: { keys: lookup.keys, values: lookup.values }, text };
}

/** A map's data is an address, or an address and a port; which family it has, its own data say. */
function readTargetLookup(draft: RuleDraft, map: Json): MapLookup | undefined {
  const candidates: readonly (readonly ValueKind[])[] = [
    ['address-4'],
    ['address-4', 'port'],
    ['address-6'],
    ['address-6', 'port'],
  ];
  const isNamed = setNameOf(objectOf(map)?.data) !== undefined;
  for (const kinds of candidates) {
    const lookup = readMapLookup(map, draft.table, { kind: 'values', kinds });
    if (lookup !== undefined || isNamed) return lookup;
  }
  return undefined;
}

function readRange(fields: {
  readonly addr?: Json | undefined;
  readonly port?: Json | undefined;
}): NatRange | undefined {
  const addresses = fields.addr === undefined ? undefined : readAddresses(fields.addr);
  const ports = fields.port === undefined ? undefined : parseValue(fields.port, 'port');
  if (fields.addr !== undefined && addresses === undefined) return undefined;
  if (fields.port !== undefined && ports?.kind !== 'number') return undefined;
  return {
    ...(addresses === undefined ? {} : { addresses }),
    ...(ports?.kind === 'number' ? { ports: { from: ports.from, to: ports.to } } : {}),
  };
}

function readAddresses(json: Json): NatRange['addresses'] | undefined {
  const value = parseValue(json, 'address-4') ?? parseValue(json, 'address-6');
  return value?.kind === 'address' ? { from: value.from, to: value.to } : undefined;
}

function readNetmap(type: NatType, fields: JsonObject, text: string): FilterStep | undefined {
  if ((type !== 'snat' && type !== 'dnat') || fields.addr === undefined) return undefined;
  const range = readRange({ addr: fields.addr, port: fields.port });
  return range?.addresses === undefined ? undefined : { kind: 'netmap', type, range, text };
}

/** tproxy acts on TCP and UDP of its own family and ends the rule for the rest (Linux 6.1, nft_tproxy.c). */
export function addTproxy(draft: RuleDraft, body: Json): void {
  const fields = objectOf(body) ?? {};
  const text = formatStatement({ tproxy: body });
  const family = familyOfStatement(draft, fields);
  if (family !== undefined) addImplied(draft, { family });
  const address = readTproxyAddress(fields.addr);
  const port = fields.port === undefined ? undefined : parseValue(fields.port, 'port');
  const isPortRead = fields.port === undefined || (port?.kind === 'number' && port.from === port.to);
  if (taggedOf(fields.addr) !== undefined || address === 'not understood' || !isPortRead) {
    draft.steps.push({ kind: 'opaque', text, why: notUnderstood });
    return;
  }
  draft.steps.push({
    kind: 'tproxy',
    text,
    ...(port?.kind === 'number' ? { port: port.from } : {}),
    ...(address === undefined ? {} : { address }),
  });
}

function readTproxyAddress(json: Json | undefined): Address | 'not understood' | undefined {
  return json === undefined ? undefined : (parseAddress(textOf(json) ?? '') ?? 'not understood');
}
