// Candidates where a packet was too large for a device on its way: the pod network's devices get the size that fits into
// what carries them, the sender sends smaller, or its connections agree on smaller segments. In: the failing way. Out:
// candidates; none unless that is how it ended. Sizes: flannel 0.28 (vxlan: 50 bytes over IPv4, 70 over IPv6).
import type { Candidate } from './candidate.ts';
import { unfoldHops } from './failing-way.ts';
import type { FailingWay } from './failing-way.ts';
import { listDumps } from './observe-filter.ts';
import { findOverlayLink } from '../model/expected-overlay.ts';
import { linksOf, wireKey } from '../model/network.ts';
import type { Namespace, Network } from '../model/network.ts';
import { vxlanOverheadBytes } from '../model/overlay-overhead.ts';
import { familyOf } from '../net/address.ts';
import { prefixContains } from '../net/prefix.ts';
import type { Change } from '../snapshot/change.ts';
import type { NodeFact } from '../snapshot/cluster-facts.ts';
import type { LinkFact } from '../snapshot/namespace-facts.ts';
import type { Element, Hop } from '../trace/flow.ts';

export function proposeMtu(network: Network, way: FailingWay): readonly Candidate[] {
  if (!isTooBig(way)) return [];
  const hops = unfoldHops(way.hops);
  const roots = [...new Set(hops.map((hop) => hop.at))].flatMap((id) => network.namespaces.get(id) ?? []);
  const narrow = findNarrowLink(hops);
  return [
    ...roots.flatMap((root) => fitOverlay(network, root)),
    ...(narrow === undefined
      ? []
      : [...clampSegments(network, narrow), ...lowerSender(network, hops, narrow)]),
  ];
}

function isTooBig({ end, hops }: FailingWay): boolean {
  if (end.kind !== 'lost') return false;
  if (end.why === 'too-big') return true;
  const nested = hops.flatMap((hop) => (hop.nested === undefined ? [] : [hop.nested.end]));
  return end.why === 'outer-lost' && nested.some((inner) => inner.kind === 'lost' && inner.why === 'too-big');
}

type LinkElement = Extract<Element, { kind: 'link' }>;

/** The device that the last hop cites. */
function findNarrowLink(hops: readonly Hop[]): LinkElement | undefined {
  const elements = hops.flatMap((hop) => hop.elements);
  return elements.findLast((element): element is LinkElement => element.kind === 'link');
}

/** What the pod network's devices may be: the overlay's size, and that what carries it less its own headers. */
function fitOverlay(network: Network, root: Namespace): readonly Candidate[] {
  const nodes = network.cluster.nodes.known ? network.cluster.nodes.value : [];
  const node = nodes.find((one) => `node/${one.name}` === root.id);
  const overlay = node?.flannel === undefined ? undefined : findOverlayLink(root, node.flannel);
  if (node === undefined || overlay?.mtuBytes === undefined) return [];
  const carrier = root.linksByName.get(overlay.vxlan?.lower ?? '')?.mtuBytes;
  const { local } = overlay.vxlan ?? {};
  const overhead = vxlanOverheadBytes[local === undefined ? 4 : familyOf(local)];
  const target = Math.min(overlay.mtuBytes, carrier === undefined ? Infinity : carrier - overhead);
  const changes = listPodDevices(network, root, { node, overlay }).flatMap(({ namespace, link }) =>
    (link.mtuBytes ?? 0) > target ? [setMtu(namespace, link, target)] : [],
  );
  if (changes.length === 0) return [];
  return [
    { key: `set-mtu ${root.id} overlay ${target}`, family: `set-mtu overlay ${target}`, rank: 8, changes },
  ];
}

interface PodDevice {
  readonly namespace: string;
  readonly link: LinkFact;
}

/** The overlay's device, the bridge of the node's pods with its ports, and the pods' own ends. */
function listPodDevices(
  network: Network,
  root: Namespace,
  { node, overlay }: { readonly node: NodeFact; readonly overlay: LinkFact },
): readonly PodDevice[] {
  const holdsPods = (link: LinkFact): boolean =>
    link.kind === 'bridge' &&
    (root.addressesByLink.get(link.name) ?? []).some((fact) =>
      node.podCidrs.some((cidr) => prefixContains(cidr, fact.address)),
    );
  const bridges = linksOf(root).filter(holdsPods);
  const ports = linksOf(root).filter((link) => bridges.some((bridge) => bridge.name === link.master));
  const ends = ports.flatMap((port) => {
    const end = network.wires.get(wireKey(root.id, port.name));
    const link =
      end === undefined ? undefined : network.namespaces.get(end.namespace)?.linksByName.get(end.link);
    return end === undefined || link === undefined ? [] : [{ namespace: end.namespace, link }];
  });
  return [...[overlay, ...bridges, ...ports].map((link) => ({ namespace: root.id, link })), ...ends];
}

function setMtu(namespace: string, link: LinkFact, mtuBytes: number): Change {
  const was = link.mtuBytes === undefined ? {} : { was: link.mtuBytes };
  return { kind: 'set-mtu', namespace, link: link.name, mtuBytes, ...was };
}

/** A rule that lowers the segment size that both ends agree on, where the host forwards into the narrow device. */
function clampSegments(network: Network, narrow: LinkElement): readonly Candidate[] {
  const filter = network.namespaces.get(narrow.namespace)?.facts.filter;
  for (const { path, tables } of listDumps(filter)) {
    const table = tables.find(
      (one) => one.name === 'mangle' && one.origin !== 'nftables' && one.family === 'ip',
    );
    if (table?.chains.has('FORWARD') !== true) continue;
    const chain = { path, origin: table.origin, family: table.family, table: 'mangle', chain: 'FORWARD' };
    const text = `-o ${narrow.link.name} -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu`;
    return [
      {
        key: `insert-filter-rule ${narrow.namespace} ${text}`,
        family: `insert-filter-rule ${text}`,
        rank: 12,
        changes: [{ kind: 'insert-filter-rule', namespace: narrow.namespace, chain, text }],
      },
    ];
  }
  return [];
}

/** The device that the packet was sent by sends no larger ones. */
function lowerSender(network: Network, hops: readonly Hop[], narrow: LinkElement): readonly Candidate[] {
  const first = hops.find((hop) => hop.link !== undefined);
  const link = network.namespaces.get(first?.at ?? '')?.linksByName.get(first?.link ?? '');
  const target = narrow.link.mtuBytes;
  if (first === undefined || link?.mtuBytes === undefined || target === undefined) return [];
  if (link.mtuBytes <= target) return [];
  return [
    {
      key: `set-mtu ${first.at} ${link.name} ${target}`,
      family: `set-mtu sender ${target}`,
      rank: 13,
      changes: [setMtu(first.at, link, target)],
    },
  ];
}
