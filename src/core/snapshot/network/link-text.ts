// The lines of `ip link` and `ip addr` that describe a link: the header, and the indented ones under it.
// `3: eth0@if7: <BROADCAST,UP> mtu 1500 qdisc noqueue master br0 state UP mode DEFAULT group default qlen 1000`
import { parseAddress } from '../../net/address.ts';
import type { Mac, VxlanFact } from '../namespace-facts.ts';
import { withoutUndefined } from '../syntax/parse-json.ts';
import { pairWords, wordsOf } from '../syntax/text-lines.ts';

export interface LinkHeader {
  readonly index: number;
  readonly name: string;
  readonly lower?: string;
  readonly peerIndex?: number;
  readonly flags: readonly string[];
  readonly mtuBytes?: number;
  readonly master?: string;
  readonly group?: string;
  /** The operational state, or a bridge port's; busybox prints neither. */
  readonly state?: string;
}

export interface LinkDetails {
  readonly linkType?: string;
  readonly mac?: Mac;
  readonly peerNamespaceId?: number;
  readonly kind?: string;
  /** Whether -d was given, so that a link without a kind is known to have none. */
  readonly hasDetails: boolean;
  readonly vxlan?: VxlanFact;
  readonly isHairpin?: boolean;
  readonly isForwarding?: boolean;
  readonly isIsolated?: boolean;
}

const headerKeys: ReadonlySet<string> = new Set([
  'mtu',
  'qdisc',
  'master',
  'state',
  'mode',
  'group',
  'qlen',
  'priority',
  'cost',
]);

export function parseLinkHeader(line: string): LinkHeader | undefined {
  const found = /^(\d+): ([^\s@]+?)(?:@(\S+?))?: <([^>]*)>(.*)$/.exec(line);
  if (found === null) return undefined;
  const [, index, name = '', other, flags = '', rest = ''] = found;
  const { values } = pairWords(wordsOf(rest), headerKeys);
  const peerIndex = other === undefined ? undefined : /^if(\d+)$/.exec(other)?.[1];
  const mtu = values.get('mtu');
  return withoutUndefined<LinkHeader>({
    index: Number(index),
    name,
    // `@NONE` stands for a lower device of index 0: there is none.
    lower: peerIndex === undefined && other !== 'NONE' ? other : undefined,
    peerIndex: peerIndex === undefined ? undefined : Number(peerIndex),
    flags: flags.split(',').filter((flag) => flag !== ''),
    mtuBytes: mtu === undefined ? undefined : Number(mtu),
    master: values.get('master'),
    group: values.get('group'),
    state: values.get('state'),
  });
}

export function readLinkDetails(lines: readonly string[]): LinkDetails {
  const addressWords = wordsOf(lines[0] ?? '');
  const linkType = /^link\/(.+)$/.exec(addressWords[0] ?? '')?.[1];
  const hasDetails = addressWords.includes('promiscuity');
  const namespaceId = valueAfter(addressWords, 'link-netnsid');
  const kindLine = lines.slice(1).map(wordsOf).find(isKindLine);
  const port = lines.map(wordsOf).find((words) => words[0] === 'bridge_slave');
  const state = port === undefined ? undefined : valueAfter(port, 'state');
  return withoutUndefined<LinkDetails>({
    linkType,
    mac: macOf(addressWords[1]),
    peerNamespaceId: namespaceId === undefined ? undefined : Number(namespaceId),
    kind: hasDetails ? kindLine?.[0] : undefined,
    hasDetails,
    vxlan: kindLine?.[0] === 'vxlan' ? vxlanOf(kindLine) : undefined,
    isHairpin: onOff(port, 'hairpin'),
    isForwarding: state === undefined ? undefined : state === 'forwarding',
    isIsolated: onOff(port, 'isolated'),
  });
}

/** What can follow on lines of its own without being the link's kind. */
const otherLines =
  /^(?:link\/.*|RX:?|TX:?|RX|TX|\d.*|alias|altname|vf|inet6?|valid_lft|[a-z0-9]+_slave|parentbus|parentdev|prog\/xdp)$/;

function isKindLine(words: readonly string[]): boolean {
  const first = words[0];
  return first !== undefined && !otherLines.test(first) && /^[a-z][a-z0-9_-]*$/.test(first);
}

function macOf(word: string | undefined): Mac | undefined {
  return word !== undefined && /^[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2})+$/.test(word)
    ? word.toLowerCase()
    : undefined;
}

const vxlanKeys: ReadonlySet<string> = new Set(['id', 'local', 'remote', 'group', 'dev', 'dstport']);

function vxlanOf(words: readonly string[]): VxlanFact | undefined {
  const { values, bare } = pairWords(words, vxlanKeys);
  const vni = values.get('id');
  if (vni === undefined) return undefined;
  return withoutUndefined<VxlanFact>({
    vni: Number(vni),
    local: parseAddress(values.get('local') ?? ''),
    lower: values.get('dev'),
    port: Number(values.get('dstport') ?? '8472'),
    learning: !bare.includes('nolearning'),
    remote: parseAddress(values.get('remote') ?? values.get('group') ?? ''),
  });
}

export function onOff(words: readonly string[] | undefined, key: string): boolean | undefined {
  const value = words === undefined ? undefined : valueAfter(words, key);
  return value === 'on' ? true : value === 'off' ? false : undefined;
}

function valueAfter(words: readonly string[], key: string): string | undefined {
  const at = words.indexOf(key);
  return at < 0 ? undefined : words[at + 1];
}
