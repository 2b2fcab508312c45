// `tailscale status --json` (1.40 to 1.102): who this machine is in its tailnet and who the others are. Lists that are
// empty are printed as null; times that are not known as the year 1.
import type { Evidence } from '../../fact/evidence.ts';
import { parseAddress } from '../../net/address.ts';
import type { Address } from '../../net/address.ts';
import { parsePrefix } from '../../net/prefix.ts';
import type { Prefix } from '../../net/prefix.ts';
import type { BundleFile } from '../bundle-file.ts';
import type { Json } from '../cluster-facts.ts';
import type { TailscalePeer, TailscaleStatus } from '../machine-facts.ts';
import { compareText } from '../syntax/compare-text.ts';
import {
  flagOf,
  objectOf,
  parseJsonObject,
  textOf,
  textsOf,
  withoutUndefined,
} from '../syntax/parse-json.ts';
import { notUnderstood, understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';

export function readTailscaleStatus(file: BundleFile): Reading<TailscaleStatus> {
  const parsed = parseJsonObject(file);
  if (!parsed.isUnderstood) return parsed;
  const status = parsed.value;
  const backendState = textOf(status.BackendState);
  if (backendState === undefined) return notUnderstood('not understood (no BackendState in it)');
  const peers = Object.entries(objectOf(status.Peer) ?? {})
    .map(([key, peer]) => readPeer(peer, { path: file.path, at: `/Peer/${escapePointer(key)}` }))
    .filter((peer) => peer !== undefined);
  peers.sort((a, b) => compareText(sortKey(a), sortKey(b)));
  const tailnet = objectOf(status.CurrentTailnet);
  return understood(
    withoutUndefined<TailscaleStatus>({
      backendState,
      version: textOf(status.Version),
      self: readPeer(status.Self, { path: file.path, at: '/Self' }),
      peers,
      health: textsOf(status.Health),
      magicDnsSuffix: textOf(status.MagicDNSSuffix) ?? textOf(tailnet?.MagicDNSSuffix),
    }),
  );
}

function readPeer(json: Json | undefined, evidence: Evidence): TailscalePeer | undefined {
  const peer = objectOf(json);
  if (peer === undefined) return undefined;
  return withoutUndefined<TailscalePeer>({
    evidence,
    id: textOf(peer.ID),
    hostName: textOf(peer.HostName) ?? '',
    dnsName: textOf(peer.DNSName)?.replace(/\.$/, ''),
    addresses: addressesOf(peer.TailscaleIPs),
    allowedIps: prefixesOf(peer.AllowedIPs),
    primaryRoutes: prefixesOf(peer.PrimaryRoutes),
    isOnline: flagOf(peer.Online),
    isExpired: flagOf(peer.Expired),
    tags: textsOf(peer.Tags),
  });
}

export function prefixesOf(json: Json | undefined): readonly Prefix[] {
  return textsOf(json)
    .map((text) => parsePrefix(text))
    .filter((prefix) => prefix !== undefined);
}

function addressesOf(json: Json | undefined): readonly Address[] {
  return textsOf(json)
    .map((text) => parseAddress(text))
    .filter((address) => address !== undefined);
}

function sortKey(peer: TailscalePeer): string {
  return `${peer.dnsName ?? peer.hostName}\0${peer.id ?? ''}\0${peer.evidence.at ?? ''}`;
}

/** RFC 6901. */
function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
