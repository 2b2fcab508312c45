// `ip -j -d link`, its text, and busybox's text, as links.
// In: the file. Out: links in printed order. A veth's other end in another namespace shows as `link_index` (JSON) or
// `@if7` (text); only then is the index the peer's. busybox looks the index up among this namespace's own links and
// prints whatever name has it, so its name is believed only where both ends name each other.
import { parseAddress } from '../../net/address.ts';
import type { BundleFile } from '../bundle-file.ts';
import type { LinkFact, VxlanFact } from '../namespace-facts.ts';
import {
  flagOf,
  numberOf,
  objectOf,
  textOf,
  textsOf,
  withoutUndefined,
  wordOf,
} from '../syntax/parse-json.ts';
import type { JsonObject } from '../syntax/parse-json.ts';
import { mapReading } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';
import { readJsonRows, readTextRows } from '../syntax/read-rows.ts';
import { parseLinkHeader, readLinkDetails } from './link-text.ts';

export function readLinksJson(file: BundleFile): Reading<readonly LinkFact[]> {
  return readJsonRows(file, (row, evidence) => {
    const index = numberOf(row.ifindex);
    const name = textOf(row.ifname);
    if (index === undefined || name === undefined) return undefined;
    const info = objectOf(row.linkinfo);
    const port = textOf(info?.info_slave_kind) === 'bridge' ? objectOf(info?.info_slave_data) : undefined;
    const kind = textOf(info?.info_kind);
    const hasDetails = row.linkinfo !== undefined || row.promiscuity !== undefined;
    const link = withoutUndefined<LinkFact>({
      evidence,
      index,
      name,
      kind: kind ?? kindWithout(textOf(row.link_type), hasDetails),
      flags: textsOf(row.flags),
      mtuBytes: numberOf(row.mtu),
      mac: textOf(row.link_type) === 'none' ? undefined : textOf(row.address)?.toLowerCase(),
      master: textOf(row.master),
      group: wordOf(row.group),
      lower: textOf(row.link),
      peerIndex: numberOf(row.link_index),
      peerNamespaceId: numberOf(row.link_netnsid),
      vxlan: kind === 'vxlan' ? vxlanOf(objectOf(info?.info_data)) : undefined,
      isHairpin: flagOf(port?.hairpin),
      isForwarding: port === undefined ? undefined : textOf(port.state) === 'forwarding',
      isIsolated: flagOf(port?.isolated),
    });
    return [link];
  });
}

export function readLinksText(file: BundleFile): Reading<readonly LinkFact[]> {
  const tools = new Set<'iproute2' | 'busybox'>();
  const reading = readTextRows(file, (record, evidence) => {
    const header = parseLinkHeader(record.head.text);
    if (header === undefined) return undefined;
    const details = readLinkDetails(record.body.map((line) => line.text));
    tools.add(header.state === undefined ? 'busybox' : 'iproute2');
    const link = withoutUndefined<LinkFact>({
      evidence,
      index: header.index,
      name: header.name,
      kind: details.kind ?? kindWithout(details.linkType, details.hasDetails),
      flags: header.flags,
      mtuBytes: header.mtuBytes,
      mac: details.mac,
      master: header.master,
      group: header.group,
      lower: header.lower,
      peerIndex: header.peerIndex,
      peerNamespaceId: details.peerNamespaceId,
      vxlan: details.vxlan,
      isHairpin: details.isHairpin,
      isForwarding: details.isForwarding,
      isIsolated: details.isIsolated,
    });
    return [link];
  });
  return tools.has('iproute2') ? reading : mapReading(reading, distrustPeerNames);
}

function kindWithout(linkType: string | undefined, hasDetails: boolean): string {
  if (linkType === 'loopback') return 'loopback';
  return hasDetails ? 'physical' : 'unknown';
}

function vxlanOf(data: JsonObject | undefined): VxlanFact | undefined {
  const vni = numberOf(data?.id);
  if (data === undefined || vni === undefined) return undefined;
  const remote = textOf(data.remote) ?? textOf(data.remote6) ?? textOf(data.group) ?? textOf(data.group6);
  return withoutUndefined<VxlanFact>({
    vni,
    local: parseAddress(textOf(data.local) ?? textOf(data.local6) ?? ''),
    lower: textOf(data.link),
    port: numberOf(data.port) ?? 8472,
    learning: flagOf(data.learning) ?? true,
    remote: parseAddress(remote ?? ''),
  });
}

function distrustPeerNames(links: readonly LinkFact[]): readonly LinkFact[] {
  const byName = new Map(links.map((link) => [link.name, link]));
  return links.map((link) => {
    const named = link.lower === undefined ? undefined : byName.get(link.lower);
    if (named === undefined || named.lower === link.name) return link;
    return withoutUndefined({ ...link, lower: undefined, peerIndex: named.index });
  });
}
