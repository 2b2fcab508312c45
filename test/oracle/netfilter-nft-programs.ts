// Tables of nftables as programs on a node write them: kube-proxy's nftables mode, firewalld, portmap. In: dice and a
// family. Out: text for `nft -f`.
import { repeat, virtualAddresses } from './netfilter-pools.ts';
import type { Version } from './netfilter-pools.ts';
import type { Dice } from './random.ts';

const podRange: Record<Version, string> = { 4: '10.42.0.0/16', 6: 'fd00:42::/32' };
const endpoints: Record<Version, readonly string[]> = {
  4: ['10.42.2.5', '10.42.2.6', '10.42.3.5', '10.42.0.11'],
  6: ['fd00:42:2::5', 'fd00:42:2::6', 'fd00:42:3::5', 'fd00:42::11'],
};
const nodeAddress: Record<Version, string> = { 4: '192.168.7.1', 6: 'fd00:1::1' };

/** kube-proxy 1.36, pkg/proxy/nftables/proxier.go. */
export function makeKubeProxyTable(dice: Dice, version: Version): string {
  const ip = version === 4 ? 'ip' : 'ip6';
  const type = version === 4 ? 'ipv4_addr' : 'ipv6_addr';
  const [empty = '', ...served] = virtualAddresses[version];
  const services = served.map((address, index) => {
    const protocol = dice.pick(['tcp', 'udp']);
    const name = `service-ABC${index}-apps/web/${protocol}/http`;
    const chosen = repeat(
      1 + dice.below(3),
      (number) => `${number} : ${endpoints[version][(number + index) % 4] ?? ''} . 8080`,
    );
    return {
      element: `${address} . ${protocol} . ${dice.pick([53, 80, 443])} : goto ${name}`,
      nodePort: `${protocol} . ${[30080, 31234][index] ?? 30999} : goto external-${name}`,
      chains: `  chain ${name} { meta l4proto ${protocol} dnat ${ip} to numgen random mod ${chosen.length} map { ${chosen.join(', ')} }
  }
  chain external-${name} { meta mark set meta mark | 0x4000
    goto ${name}
  }`,
    };
  });
  return `table ${ip} kube-proxy {
  set hairpin-connections { type ${type} . ${type} . inet_proto . inet_service; elements = { ${endpoints[version].map((each) => `${each} . ${each} . tcp . 8080`).join(', ')} }; }
  set cluster-ips { type ${type}; elements = { ${virtualAddresses[version].join(', ')} }; }
  set nodeport-ips { type ${type}; elements = { ${nodeAddress[version]} }; }
  chain reject-chain { reject
  }
${services.map((each) => each.chains).join('\n')}
  map no-endpoint-services { type ${type} . inet_proto . inet_service : verdict; elements = { ${empty} . tcp . 80 comment "apps/empty:http" : goto reject-chain, ${empty} . udp . 53 : drop }; }
  map service-ips { type ${type} . inet_proto . inet_service : verdict; elements = { ${services.map((each) => each.element).join(', ')} }; }
  map service-nodeports { type inet_proto . inet_service : verdict; elements = { ${services.map((each) => each.nodePort).join(', ')} }; }
  map firewall-ips { type ${type} . inet_proto . inet_service : verdict; }
  chain services {
    ip${version === 4 ? '' : '6'} daddr @cluster-ips ${ip} saddr != ${podRange[version]} meta mark set meta mark | 0x4000
    ${ip} daddr . meta l4proto . th dport vmap @service-ips
    ${ip} daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
  }
  chain service-endpoints-check { ${ip} daddr . meta l4proto . th dport vmap @no-endpoint-services
  }
  chain firewall-check { ${ip} daddr . meta l4proto . th dport vmap @firewall-ips
  }
  chain cluster-ips-check {
    ${ip} daddr @cluster-ips reject
    ${ip} daddr ${version === 4 ? '10.43.0.0/16' : 'fd00:43::/112'} drop
  }
  chain masquerading {
    meta mark & 0x4000 != 0 meta mark set meta mark ^ 0x4000 masquerade fully-random
    ct status dnat ${ip} saddr . ${ip} daddr . meta l4proto . th dport @hairpin-connections masquerade fully-random
  }
  chain filter-prerouting-pre-dnat { type filter hook prerouting priority -110; ct state new jump firewall-check
  }
  chain filter-forward { type filter hook forward priority 0; ct state new jump service-endpoints-check
    ct state new jump cluster-ips-check
  }
  chain filter-output { type filter hook output priority 0; ct state new jump service-endpoints-check
    ct state new jump cluster-ips-check
  }
  chain nat-prerouting { type nat hook prerouting priority -100; jump services
  }
  chain nat-output { type nat hook output priority -100; jump services
  }
  chain nat-postrouting { type nat hook postrouting priority 100; jump masquerading
  }
}
`;
}

/** firewalld 1.3: zones public (eth0) and trusted (cni0), the rest by default; src/firewall/core/nftables.py. */
export function makeFirewalldTable(dice: Dice): string {
  const services = [
    'tcp dport 22 accept',
    'udp dport 53 accept',
    'tcp dport { 80, 443 } accept',
    'ip daddr 224.0.0.251 udp dport 5353 accept',
  ].filter(() => dice.chance(0.6));
  const goes = (key: string, stem: string): string =>
    `${key} { ${key === 'iifname' || key === 'oifname' ? '' : ''}"eth0" : goto ${stem}_public, "cni0" : goto ${stem}_trusted }`.replace(
      key,
      `${key} vmap`,
    );
  const zone = (stem: string, rules: readonly string[]): string =>
    `  chain ${stem} {\n${rules.map((rule) => `    ${rule}\n`).join('')}  }\n`;
  const rest = dice.pick([
    'reject with icmpx admin-prohibited',
    'reject with icmpx admin-prohibited',
    'drop',
  ]);
  return `table inet firewalld {
${zone('filter_IN_public', [...services, 'meta l4proto { icmp, ipv6-icmp } accept'])}${zone('filter_IN_trusted', ['accept'])}${zone('filter_FWD_public', dice.chance(0.5) ? ['oifname "eth0" accept'] : [])}${zone('filter_FWD_trusted', ['accept'])}
  chain nat_POST_public { meta nfproto ipv4 oifname != "lo" masquerade
  }
  chain filter_INPUT {
    type filter hook input priority 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    ${goes('iifname', 'filter_IN')}
    ${rest}
  }
  chain filter_FORWARD {
    type filter hook forward priority 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    ip6 daddr { ::/96, ::ffff:0.0.0.0/96, 2002::/24 } reject with icmpv6 addr-unreachable
    ${goes('iifname', 'filter_FWD')}
    ${rest}
  }
  chain filter_OUTPUT {
    type filter hook output priority 10; policy accept;
    ct state { established, related } accept
    oifname "lo" accept
    ip6 daddr { ::/96, ::ffff:0.0.0.0/96 } reject with icmpv6 addr-unreachable
  }
  chain mangle_PREROUTING {
    type filter hook prerouting priority -140; policy accept;
    icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
    meta nfproto ipv6 fib saddr . mark . iif oif missing drop
  }
  chain nat_POSTROUTING {
    type nat hook postrouting priority 110; policy accept;
    ${dice.chance(0.5) ? 'oifname "eth1" goto nat_POST_public' : ''}
  }
}
`;
}

/** The CNI's portmap plugin with its nftables back end. */
export function makePortmapTable(dice: Dice, version: Version): string {
  const ip = version === 4 ? 'ip' : 'ip6';
  const pod = version === 4 ? '10.42.0.11' : 'fd00:42::11';
  return `table ${ip} cni_hostport {
  chain hostports { tcp dport ${dice.pick([80, 8080])} dnat to ${version === 4 ? pod : `[${pod}]`}:8080
  }
  chain hostip_hostports { ${ip} daddr ${nodeAddress[version]} udp dport 53 dnat to ${version === 4 ? pod : `[${pod}]`}:53
  }
  chain prerouting { type nat hook prerouting priority -100; policy accept;
    jump hostip_hostports
    fib daddr type local jump hostports
  }
  chain output { type nat hook output priority -100; policy accept;
    jump hostip_hostports
    fib daddr type local jump hostports
  }
  chain masquerading { type nat hook postrouting priority 100; policy accept;
    ${ip} saddr ${pod} ${ip} daddr ${pod} masquerade
    ct status dnat ct original ${ip} saddr ${version === 4 ? '127.0.0.1' : '::1'} masquerade
  }
}
`;
}
