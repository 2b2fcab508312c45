// The cluster's DNS server, as far as the lab needs CoreDNS 1.14: A records of Services and of pods' dashed names, the
// names of nodes, NODATA for other types of a name that exists, NXDOMAIN for the rest. In goes a query, out comes the
// answer. The records are handed in by the supervisor; nothing is forwarded, since the lab has no outside.
import { AUTHORITATIVE_ANSWER, decode, encode } from 'dns-packet';
import type { Answer, Packet } from 'dns-packet';

const nxdomain = 3;
/** CoreDNS's kubernetes plugin answers with 5 seconds, unless told otherwise. */
const ttlSeconds = 5;

export interface DnsZone {
  readonly domain: string;
  /** Address by full name in lower case, without the last dot. */
  readonly records: ReadonlyMap<string, string>;
}

/** The bytes to send back, or undefined for a message that isn't a query. */
export function answerQuery(message: Buffer, zone: DnsZone): Buffer | undefined {
  const query = readQuery(message);
  const question = query?.questions?.[0];
  if (query === undefined || question === undefined) return undefined;
  const name = question.name.toLowerCase().replace(/\.$/, '');
  const address = zone.records.get(name) ?? podAddress(name, zone.domain);
  const answers: Answer[] =
    address !== undefined && question.type === 'A'
      ? [{ type: 'A', name: question.name, ttl: ttlSeconds, data: address }]
      : [];
  const code = address === undefined ? nxdomain : 0;
  return encode({
    type: 'response',
    id: query.id ?? 0,
    flags: (query.flags ?? 0) | AUTHORITATIVE_ANSWER | code,
    questions: [question],
    answers,
    authorities: answers.length === 0 ? [startOfAuthority(zone.domain)] : [],
  });
}

function readQuery(message: Buffer): Packet | undefined {
  try {
    const packet = decode(message);
    return packet.type === 'query' ? packet : undefined;
  } catch {
    return undefined;
  }
}

/** `10-42-0-3.default.pod.cluster.local`, which CoreDNS's `pods insecure` makes up from the name alone. */
function podAddress(name: string, domain: string): string | undefined {
  const match = /^(\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3})\.[^.]+\.pod\.(.+)$/.exec(name);
  return match?.[2] === domain ? match[1]?.replaceAll('-', '.') : undefined;
}

function startOfAuthority(domain: string): Answer {
  return {
    type: 'SOA',
    name: domain,
    ttl: ttlSeconds,
    data: {
      mname: `ns.dns.${domain}`,
      rname: `hostmaster.${domain}`,
      serial: 1,
      refresh: 7200,
      retry: 1800,
      expire: 86_400,
      minimum: ttlSeconds,
    },
  };
}
