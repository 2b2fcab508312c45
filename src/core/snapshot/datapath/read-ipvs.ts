// IPVS's table, as `ipvsadm -Sn` prints it (ipvsadm 1.31: `-A -t VIP:PORT -s rr` and `-a -t VIP:PORT -r RIP:PORT -m -w 1`)
// and as the kernel does in /proc/net/ip_vs (Linux 6.12, net/netfilter/ipvs/ip_vs_ctl.c: addresses and ports of IPv4 in
// hexadecimal). A real server of a virtual server that is not there makes the file not understood: it is a part.
import { parseAddress } from '../../net/address.ts';
import type { Address } from '../../net/address.ts';
import type { Evidence } from '../../fact/evidence.ts';
import type { BundleFile } from '../bundle-file.ts';
import type {
  IpvsForwarding,
  IpvsRealServer,
  IpvsTable,
  IpvsVirtualServer,
  TransportName,
} from '../datapath-facts.ts';
import { notUnderstood, understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';
import { readLines, wordsOf } from '../syntax/text-lines.ts';

interface Draft extends Omit<IpvsVirtualServer, 'realServers'> {
  readonly realServers: IpvsRealServer[];
}

/** One line's meaning, whichever form it has. */
type Row =
  | { readonly kind: 'service'; readonly key: string; readonly draft: Draft }
  | { readonly kind: 'mark'; readonly key: string; readonly mark: number }
  | { readonly kind: 'server'; readonly key: string | undefined; readonly server: IpvsRealServer }
  | { readonly kind: 'other' };

export function readIpvsSave(file: BundleFile): Reading<IpvsTable> {
  return readRows(file, readSavedRow);
}

export function readIpvsProc(file: BundleFile): Reading<IpvsTable> {
  return readRows(file, readProcRow);
}

function readRows(
  file: BundleFile,
  readRow: (words: readonly string[], evidence: Evidence) => Row | undefined,
): Reading<IpvsTable> {
  const lines = readLines(file);
  if (!lines.isUnderstood) return lines;
  const services = new Map<string, Draft>();
  const marks = new Map<string, IpvsTable['marks'][number]>();
  let last = '';
  for (const line of lines.value) {
    const words = wordsOf(line.text);
    if (words.length === 0) continue;
    const evidence = { path: file.path, at: `L${line.number}`, quote: line.text.trim() };
    const row = readRow(words, evidence);
    if (row === undefined) return notUnderstood(`not understood at line ${line.number}`);
    if (row.kind === 'other') continue;
    const key: string = row.key ?? last;
    last = key;
    if (row.kind === 'service') services.set(key, row.draft);
    else if (row.kind === 'mark') marks.set(key, { evidence, mark: row.mark });
    else if (services.has(key)) services.get(key)?.realServers.push(row.server);
    else if (!marks.has(key)) return notUnderstood(`not understood at line ${line.number}`);
  }
  return understood({ virtualServers: [...services.values()], marks: [...marks.values()] });
}

const transports: ReadonlyMap<string, TransportName> = new Map([
  ['-t', 'tcp'],
  ['-u', 'udp'],
  ['--sctp-service', 'sctp'],
  ['TCP', 'tcp'],
  ['UDP', 'udp'],
  ['SCTP', 'sctp'],
]);

function readSavedRow(words: readonly string[], evidence: Evidence): Row | undefined {
  const [verb, kind = '', target = '', ...options] = words;
  if (verb !== '-A' && verb !== '-a') return undefined;
  const key = `${kind} ${target}`;
  if (kind === '-f' && verb === '-A') return { kind: 'mark', key, mark: Number(target) };
  const value = (name: string): string | undefined => {
    const at = options.indexOf(name);
    return at < 0 ? undefined : options[at + 1];
  };
  if (verb === '-a') {
    const server = readServer(parseEnd(value('-r') ?? ''), options, evidence);
    return server === undefined ? undefined : { kind: 'server', key, server };
  }
  const protocol = transports.get(kind);
  const end = parseEnd(target);
  const scheduler = value('-s');
  if (protocol === undefined || end === undefined || scheduler === undefined) return undefined;
  const isPersistent = options.includes('-p');
  return {
    kind: 'service',
    key,
    draft: { evidence, protocol, ...end, scheduler, isPersistent, realServers: [] },
  };
}

const savedForwarding: ReadonlyMap<string, IpvsForwarding> = new Map([
  ['-m', 'masquerade'],
  ['-g', 'direct'],
  ['-i', 'tunnel'],
]);

function readServer(
  end: End | undefined,
  options: readonly string[],
  evidence: Evidence,
): IpvsRealServer | undefined {
  const forwarding = options.flatMap((word) => savedForwarding.get(word) ?? [])[0];
  const weight = options[options.indexOf('-w') + 1] ?? '';
  if (end === undefined || forwarding === undefined || !/^\d+$/.test(weight)) return undefined;
  return { evidence, ...end, forwarding, weight: Number(weight) };
}

interface End {
  readonly address: Address;
  readonly port: number;
}

/** `10.43.0.1:443`, `[fd00::1]:443`. */
function parseEnd(text: string): End | undefined {
  const found = /^\[?([^\]]+?)\]?:(\d+)$/.exec(text);
  const address = parseAddress(found?.[1] ?? '');
  return address === undefined ? undefined : { address, port: Number(found?.[2]) };
}

const procForwarding: ReadonlyMap<string, IpvsForwarding> = new Map([
  ['Masq', 'masquerade'],
  ['Route', 'direct'],
  ['Local', 'direct'],
  ['Tunnel', 'tunnel'],
]);

function readProcRow(words: readonly string[], evidence: Evidence): Row | undefined {
  const [first = '', target = '', third = '', weight = ''] = words;
  if (first === 'IP' || first === 'Prot' || (first === '->' && target.startsWith('RemoteAddress')))
    return { kind: 'other' };
  if (first === 'FWM') return { kind: 'mark', key: `FWM ${target}`, mark: Number.parseInt(target, 16) };
  const end = parseHexEnd(target);
  if (end === undefined) return undefined;
  if (first === '->') {
    const forwarding = procForwarding.get(third);
    if (forwarding === undefined || !/^\d+$/.test(weight)) return undefined;
    const server = { evidence, ...end, forwarding, weight: Number(weight) };
    return { kind: 'server', key: undefined, server };
  }
  const protocol = transports.get(first);
  if (protocol === undefined || third === '') return undefined;
  const isPersistent = words.includes('persistent');
  const draft = { evidence, protocol, ...end, scheduler: third, isPersistent, realServers: [] };
  return { kind: 'service', key: `${first} ${target}`, draft };
}

/** `0A2B0001:01BB`, `[fd00:0000:…:0001]:01BB`. */
function parseHexEnd(text: string): End | undefined {
  const found = /^(?:([0-9A-F]{8})|\[([0-9a-f:]+)\]):([0-9A-F]{4})$/.exec(text);
  if (found === null) return undefined;
  const [, ipv4, ipv6, port = ''] = found;
  const dotted = [0, 2, 4, 6].map((at) => Number.parseInt((ipv4 ?? '').slice(at, at + 2), 16)).join('.');
  const address = parseAddress(ipv4 === undefined ? (ipv6 ?? '') : dotted);
  return address === undefined ? undefined : { address, port: Number.parseInt(port, 16) };
}
