// `tailscale debug netmap` (1.40 to 1.102): the packet filter that the control plane sent. It stands in it twice: as
// tailscaled evaluates it (`PacketFilter`: prefixes) and as it was sent (`PacketFilterRules`: `*`, ranges, prefixes).
// The first is read where it is there. A filter that is null lets nothing in.
import type { Evidence } from '../../fact/evidence.ts';
import { parseRange } from '../../net/address-range.ts';
import type { Prefix } from '../../net/prefix.ts';
import type { BundleFile } from '../bundle-file.ts';
import type { Json } from '../cluster-facts.ts';
import type { TailscaleFilterRule, TailscaleNetmap } from '../machine-facts.ts';
import {
  listOf,
  numberOf,
  objectOf,
  objectsOf,
  parseJsonObject,
  textOf,
  textsOf,
} from '../syntax/parse-json.ts';
import type { JsonObject } from '../syntax/parse-json.ts';
import { notUnderstood, understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';

export function readTailscaleNetmap(file: BundleFile): Reading<TailscaleNetmap> {
  const parsed = parseJsonObject(file);
  if (!parsed.isUnderstood) return parsed;
  const netmap = parsed.value;
  const key = ['PacketFilter', 'PacketFilterRules'].find((name) => name in netmap);
  if (key === undefined) {
    const isNetmap = ['SelfNode', 'NodeKey', 'Peers'].some((name) => name in netmap);
    return isNetmap
      ? understood({})
      : notUnderstood('not understood (neither PacketFilter nor SelfNode in it)');
  }
  const filter = netmap[key] ?? null;
  if (filter !== null && !Array.isArray(filter)) return notUnderstood(`not understood at /${key}`);
  const packetFilter: TailscaleFilterRule[] = [];
  for (const [index, entry] of listOf(filter).entries()) {
    const rule = readRule(entry, { path: file.path, at: `/${key}/${index}` });
    if (rule === undefined) return notUnderstood(`not understood at /${key}/${index}`);
    packetFilter.push(rule);
  }
  return understood({ packetFilter });
}

function readRule(json: Json, evidence: Evidence): TailscaleFilterRule | undefined {
  const rule = objectOf(json);
  if (rule === undefined) return undefined;
  const sources: Prefix[] = [];
  const opaqueSources = [...textsOf(rule.SrcCaps).map((name) => `cap:${name}`)];
  for (const text of textsOf(rule.Srcs ?? rule.SrcIPs)) {
    const prefixes = parseRange(text);
    if (prefixes === undefined) opaqueSources.push(text);
    else sources.push(...prefixes);
  }
  const destinations = objectsOf(rule.Dsts ?? rule.DstPorts).map(readDestinations);
  if (destinations.includes(undefined)) return undefined;
  return {
    evidence,
    sources,
    opaqueSources,
    destinations: destinations.flatMap((parts) => parts ?? []),
    ipProtocols: listOf(rule.IPProto).filter((entry) => typeof entry === 'number'),
  };
}

function readDestinations(entry: JsonObject): TailscaleFilterRule['destinations'] | undefined {
  const prefixes = parseRange(textOf(entry.Net) ?? textOf(entry.IP) ?? '');
  const ports = objectOf(entry.Ports);
  const from = numberOf(ports?.First);
  const to = numberOf(ports?.Last);
  if (prefixes === undefined || from === undefined || to === undefined) return undefined;
  return prefixes.map((net) => ({ net, ports: { from, to } }));
}
