// The names that nft (1.0.6) prints for numbers, back to the numbers. Older releases and `nft -S`, `-y`, `-p` print names
// where newer ones print numbers and the other way round, so both are read everywhere.
import { parseIpProtocol, parseWholeNumber } from '../../network/routing-names.ts';

type Names = ReadonlyMap<string, number>;

function namesOf(text: string): Names {
  return new Map([...text.matchAll(/(\S+) (\d+)/g)].map(([, name = '', number]) => [name, Number(number)]));
}

export const icmpTypes = namesOf(
  'echo-reply 0 destination-unreachable 3 source-quench 4 redirect 5 echo-request 8 router-advertisement 9 ' +
    'router-solicitation 10 time-exceeded 11 parameter-problem 12 timestamp-request 13 timestamp-reply 14 ' +
    'info-request 15 info-reply 16 address-mask-request 17 address-mask-reply 18',
);

export const icmpv6Types = namesOf(
  'destination-unreachable 1 packet-too-big 2 time-exceeded 3 parameter-problem 4 echo-request 128 echo-reply 129 ' +
    'mld-listener-query 130 mld-listener-report 131 mld-listener-done 132 mld-listener-reduction 132 ' +
    'nd-router-solicit 133 nd-router-advert 134 nd-neighbor-solicit 135 nd-neighbor-advert 136 nd-redirect 137 ' +
    'router-renumbering 138 ind-neighbor-solicit 141 ind-neighbor-advert 142 mld2-listener-report 143',
);

export const icmpCodes = namesOf(
  'net-unreachable 0 host-unreachable 1 prot-unreachable 2 port-unreachable 3 frag-needed 4 net-prohibited 9 ' +
    'host-prohibited 10 admin-prohibited 13',
);

export const icmpv6Codes = namesOf(
  'no-route 0 admin-prohibited 1 addr-unreachable 3 port-unreachable 4 policy-fail 5 reject-route 6',
);

export const tcpFlags = namesOf('fin 1 syn 2 rst 4 psh 8 ack 16 urg 32 ecn 64 cwr 128');

export const dscpNames = namesOf(
  'cs0 0 df 0 be 0 le 1 cs1 8 af11 10 af12 12 af13 14 cs2 16 af21 18 af22 20 af23 22 cs3 24 af31 26 af32 28 af33 30 ' +
    'cs4 32 af41 34 af42 36 af43 38 cs5 40 va 44 ef 46 cs6 48 cs7 56',
);

/** Of `meta nfproto` and, with its own spelling, of `meta protocol` and `ether type`: what stands in the header. */
export const familyNames = namesOf('ipv4 4 ipv6 6 2 4 10 6');
export const etherTypes = namesOf('ip 4 ip6 6 2048 4 34525 6');

/** Frames that carry no IP packet, or carry it behind a tag: no traced packet has these types. */
export const otherEtherTypes: ReadonlySet<string> = new Set(['arp', '2054', '0x0806']);

/** The services of /etc/services that releases before 0.9.1 and `nft -S` print in firewall rules. */
export const serviceNames = namesOf(
  'ftp-data 20 ftp 21 ssh 22 telnet 23 smtp 25 domain 53 bootps 67 bootpc 68 tftp 69 http 80 kerberos 88 pop3 110 ' +
    'sunrpc 111 ntp 123 netbios-ns 137 netbios-dgm 138 netbios-ssn 139 imap2 143 snmp 161 snmp-trap 162 bgp 179 ' +
    'ldap 389 https 443 microsoft-ds 445 isakmp 500 syslog 514 submission 587 ldaps 636 domain-s 853 imaps 993 pop3s 995 ' +
    'dhcpv6-client 546 dhcpv6-server 547 ms-sql-s 1433 nfs 2049 mysql 3306 ipsec-nat-t 4500 sip 5060 mdns 5353 ' +
    'postgresql 5432 http-alt 8080',
);

export const protocolNumbers = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, dccp: 33, sctp: 132, udplite: 136 };

/** A number as JSON gives it, or as text: decimal, hexadecimal, or a name. */
export function numberNamed(word: string, names?: Names): number | undefined {
  return names?.get(word) ?? parseWholeNumber(word);
}

export function protocolNamed(word: string): number | undefined {
  return parseIpProtocol(word) ?? parseWholeNumber(word);
}
