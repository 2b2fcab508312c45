// One row of `ip -j route`, as a draft. Keys come and go between iproute2 5.5 and 7 (`nh_info`, `expires`, `metrics`);
// only those that decide where a packet goes are read, and what changes the packet itself makes the route opaque.
import type { Json } from '../cluster-facts.ts';
import { numberOf, objectOf, objectsOf, textOf, textsOf, wordOf } from '../syntax/parse-json.ts';
import type { JsonObject } from '../syntax/parse-json.ts';
import type { NexthopDraft, RouteDraft } from './route-draft.ts';

export function draftRouteOfJson(row: JsonObject): RouteDraft | undefined {
  const destination = textOf(row.dst);
  if (destination === undefined) return undefined;
  const nexthops = nexthopsOf(row);
  if (nexthops === undefined) return undefined;
  return {
    type: textOf(row.type),
    destination,
    from: textOf(row.from) ?? textOf(row.src),
    table: wordOf(row.table),
    protocol: wordOf(row.protocol) ?? 'boot',
    scope: wordOf(row.scope),
    metric: numberOf(row.metric),
    tos: wordOf(row.tos),
    preferredSource: textOf(row.prefsrc),
    preference: textOf(row.pref),
    mtuBytes: mtuOf(row.metrics),
    nexthopId: numberOf(row.nhid),
    isOpaque: row.encap !== undefined || objectsOf(row.nexthops).some((entry) => entry.encap !== undefined),
    nexthops,
  };
}

function nexthopsOf(row: JsonObject): NexthopDraft[] | undefined {
  if (row.nexthops !== undefined) {
    if (!Array.isArray(row.nexthops)) return undefined;
    return objectsOf(row.nexthops).map((entry) => draftNexthop(entry));
  }
  const only = draftNexthop(row);
  return only.gateway === undefined && only.link === undefined ? [] : [only];
}

function draftNexthop(entry: JsonObject): NexthopDraft {
  return {
    gateway: textOf(entry.gateway) ?? textOf(objectOf(entry.via)?.host),
    link: textOf(entry.dev),
    weight: numberOf(entry.weight),
    flags: [...textsOf(entry.flags)],
  };
}

function mtuOf(metrics: Json | undefined): number | undefined {
  for (const metric of objectsOf(metrics)) {
    const mtuBytes = numberOf(metric.mtu) ?? numberOf(metric['lock mtu']);
    if (mtuBytes !== undefined) return mtuBytes;
  }
  return undefined;
}
