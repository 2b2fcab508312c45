// `ss -H -tulpn` as listening sockets: `tcp LISTEN 0 4096 10.0.0.1%eth0:53 0.0.0.0:* users:(("dnsmasq",pid=7,fd=4))`.
// ss prints `*` for a socket that takes both families, `0.0.0.0` and `[::]` for one of them. Sockets of other protocols
// (raw, unix) are left out.
import { parseAddress } from '../../net/address.ts';
import type { BundleFile } from '../bundle-file.ts';
import type { SocketFact } from '../namespace-facts.ts';
import { withoutUndefined } from '../syntax/parse-json.ts';
import type { Reading } from '../syntax/reading.ts';
import { readTextRows } from '../syntax/read-rows.ts';
import { wordsOf } from '../syntax/text-lines.ts';

export function readSockets(file: BundleFile): Reading<readonly SocketFact[]> {
  return readTextRows(file, (record, evidence) => {
    const [protocol, state, , , local = '', , ...rest] = wordsOf(record.head.text);
    if (protocol !== 'tcp' && protocol !== 'udp') return isOtherLine(protocol, state) ? [] : undefined;
    const end = parseLocalEnd(local);
    if (state === undefined || end === undefined) return undefined;
    const process = /^users:\(\("([^"]*)"/.exec(rest.join(' '))?.[1];
    return [withoutUndefined<SocketFact>({ evidence, protocol, state, ...end, process })];
  });
}

/** The heading (without -H), and what `ss -a` prints besides. */
function isOtherLine(netid: string | undefined, state: string | undefined): boolean {
  if (netid === 'Netid') return true;
  return (
    state !== undefined &&
    /^(?:nl|raw|icmp6|p_raw|p_dgr|u_\w+|v_\w+|sctp|dccp|mptcp|tipc|vsock|xdp|\?\?\?)$/.test(netid ?? '')
  );
}

function parseLocalEnd(
  text: string,
): Pick<SocketFact, 'address' | 'isWildcard' | 'link' | 'port'> | undefined {
  const found = /^(.*):(\d+|\*)$/.exec(text);
  if (found === null) return undefined;
  const [, host = '', port = ''] = found;
  const scoped = /^\[?([^\]%]*?)(?:%([^\]]+))?\]?(?:%(.+))?$/.exec(host);
  const bare = scoped?.[1] ?? '';
  const link = scoped?.[2] ?? scoped?.[3];
  const number = port === '*' ? 0 : Number(port);
  if (bare === '*') return { isWildcard: true, link, port: number };
  const address = parseAddress(bare);
  if (address === undefined) return undefined;
  return { address, isWildcard: false, link, port: number };
}
