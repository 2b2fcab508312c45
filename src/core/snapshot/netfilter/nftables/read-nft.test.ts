// Listings of nftables as tables: what a damaged one is, who made a table, and rulesets as programs on a node write them.
import { describe, expect, it } from 'vitest';
import type { FilterDump, FilterTable } from '../../filter-facts.ts';
import { parseFilterRule } from '../../parse-filter-rule.ts';
import type { BundleFile } from '../../bundle-file.ts';
import type { Reading } from '../../syntax/reading.ts';
import { readNftJson } from './read-nft-json.ts';
import { readNftText } from './read-nft-text.ts';

function makeFile(path: string, content: string): BundleFile {
  const bytes = new TextEncoder().encode(content);
  return { path, bytes, text: (start, end) => new TextDecoder().decode(bytes.subarray(start, end)) };
}

const fromText = (text: string): Reading<FilterDump> => readNftText(makeFile('nft.txt', text));
const fromJson = (entries: readonly unknown[]): Reading<FilterDump> =>
  readNftJson(makeFile('nft.json', JSON.stringify({ nftables: entries })));

function tablesOf(reading: Reading<FilterDump>): readonly FilterTable[] {
  if (!reading.isUnderstood) throw new Error(reading.detail);
  return reading.value.tables;
}

const table = { table: { family: 'inet', name: 't', handle: 1 } };

describe('damage', () => {
  it('is found in text', () => {
    const whole = 'table inet t {\n\tchain c {\n\t\taccept\n\t}\n}\n';
    expect(tablesOf(fromText(whole))).toHaveLength(1);
    expect(fromText('')).toMatchObject({ isUnderstood: true, value: { tables: [] } });
    expect(fromText(whole.slice(0, -2))).toMatchObject({
      detail: 'cut off at line 4 (what line 1 opens is not closed)',
    });
    expect(fromText(whole.slice(0, -1))).toMatchObject({ detail: /cut off at byte/ });
    expect(fromText('table inet t {\n\tset s {\n\t\ttype mark\n\t\telements = { 1,\n')).toMatchObject({
      detail: 'cut off at line 4 (what line 4 opens is not closed)',
    });
    expect(fromText('netlink: Error: cache initialization failed\n')).toMatchObject({
      detail: 'not understood at line 1',
    });
    expect(fromText('table inet t {\n\twhat is this\n}\n')).toMatchObject({
      detail: 'not understood at line 2',
    });
    expect(
      fromText('table inet t {\n\tchain c {\n\t\ttype odd hook forward priority 0; policy accept;\n\t}\n}\n'),
    ).toMatchObject({ detail: 'not understood at line 3' });
  });

  it('is found in JSON', () => {
    const rule = { rule: { family: 'inet', table: 't', chain: 'c', expr: [] } };
    expect(tablesOf(fromJson([{ metainfo: {} }, table]))).toHaveLength(1);
    expect(fromJson([table, rule])).toMatchObject({ detail: 'not understood at /nftables/1' });
    expect(fromJson([rule])).toMatchObject({ detail: 'not understood at /nftables/0' });
    expect(fromJson([null])).toMatchObject({ detail: 'not understood at /nftables/0' });
    expect(readNftJson(makeFile('nft.json', '{}'))).toMatchObject({ isUnderstood: false });
    expect(readNftJson(makeFile('nft.json', '{"nftables":['))).toMatchObject({
      detail: 'cut off at byte 13',
    });
  });
});

it('tells whose a table is', () => {
  const origins = (text: string): readonly string[] => tablesOf(fromText(text)).map(({ origin }) => origin);
  const chain = (words: string): string => `\tchain ${words} policy accept;\n\t}\n`;
  const input = chain('INPUT {\n\t\ttype filter hook input priority filter;');
  expect(origins(`table ip filter {\n${input}}\n`)).toEqual(['iptables-nft']);
  expect(origins(`table inet filter {\n${input}}\n`)).toEqual(['nftables']);
  expect(origins(`table ip other {\n${input}}\n`)).toEqual(['nftables']);
  const own = chain('input {\n\t\ttype filter hook input priority filter;');
  expect(origins(`table ip filter {\n${own}}\n`)).toEqual(['nftables']);
  const later = chain('INPUT {\n\t\ttype filter hook input priority filter + 1;');
  expect(origins(`table ip6 filter {\n${later}}\n`)).toEqual(['nftables']);
  const warning = '# Warning: table ip filter is managed by iptables-nft, do not touch!\n';
  expect(origins(`${warning}table ip filter {\n${own}}\n`)).toEqual(['iptables-nft']);
  expect(origins('table ip nat {\n\tchain x {\n\t\txt match "comment" accept\n\t}\n}\n')).toEqual([
    'iptables-nft',
  ]);
  const xt = {
    rule: { family: 'ip', table: 'raw', chain: 'x', expr: [{ xt: { type: 'match', name: 'set' } }] },
  };
  const chains = [
    { table: { family: 'ip', name: 'raw' } },
    { chain: { family: 'ip', table: 'raw', name: 'x' } },
  ];
  expect(tablesOf(fromJson([...chains, xt])).map(({ origin }) => origin)).toEqual(['iptables-nft']);
});

it('reads the places of base chains by name and by number', () => {
  const priorities = (family: string, ...written: readonly string[]): readonly unknown[] => {
    const chains = written.map(
      (priority, index) =>
        `\tchain c${index} {\n\t\ttype filter hook forward priority ${priority}; policy drop;\n\t}\n`,
    );
    const [found] = tablesOf(fromText(`table ${family} t {\n${chains.join('')}}\n`));
    return [...found!.chains.values()].map(({ base }) => base?.priority);
  };
  expect(priorities('inet', 'filter', 'filter - 10', 'mangle + 5', '-7', '300', 'raw', 'srcnat')).toEqual([
    0, -10, -145, -7, 300, -300, 100,
  ]);
  expect(priorities('bridge', 'filter', 'dstnat + 1', 'out')).toEqual([-200, -299, 100]);
  const ingress =
    'table netdev t {\n\tchain c {\n\t\ttype filter hook ingress devices = { "eth0", eth1 } priority filter; policy accept;\n\t}\n}\n';
  expect(tablesOf(fromText(ingress))[0]!.chains.get('c')!.base).toEqual({
    type: 'filter',
    hook: 'ingress',
    priority: 0,
    policy: 'accept',
    links: ['eth0', 'eth1'],
  });
});

it('keeps what a set holds and it does not understand', () => {
  const text = `table inet t {
	set macs {
		type ether_addr
		elements = { 00:11:22:33:44:55 }
	}

	set limited {
		type ipv4_addr
		elements = { 10.0.0.1 limit rate 5/second, 10.0.0.2 counter packets 0 bytes 0,
			     10.0.0.3 timeout 1m expires 59s comment "a, b }" }
	}
}
`;
  const [found] = tablesOf(fromText(text));
  expect(found!.sets.get('macs')).toMatchObject({ elements: [], opaque: '00:11:22:33:44:55' });
  const limited = found!.sets.get('limited')!;
  expect(limited.elements.map(({ key }) => key)).toMatchObject([
    [{ from: '10.0.0.2' }],
    [{ from: '10.0.0.3' }],
  ]);
  expect(limited.opaque).toBe('10.0.0.1');
});

it('adds elements that stand apart, and rules that nft could only print as text', () => {
  const [found] = tablesOf(
    fromJson([
      { table: { family: 'inet', name: 't', flags: 'dormant' } },
      { chain: { family: 'inet', table: 't', name: 'c' } },
      {
        map: {
          family: 'inet',
          table: 't',
          name: 'm',
          type: 'ipv4_addr',
          map: 'verdict',
          elem: [['*', { drop: null }]],
        },
      },
      { element: { family: 'inet', table: 't', name: 'm', elem: [['10.0.0.1', { accept: null }]] } },
      {
        set: {
          family: 'inet',
          table: 't',
          name: 's',
          type: { typeof: { payload: { protocol: 'ip', field: 'saddr' } } },
        },
      },
      {
        rule: {
          family: 'inet',
          table: 't',
          chain: 'c',
          handle: 7,
          expr: ['update @s { ip saddr : tcp dport }', { drop: null }],
        },
      },
    ]),
  );
  expect(found!.isDormant).toBe(true);
  expect(found!.sets.get('m')!.elements.map(({ verdict }) => verdict?.kind)).toEqual(['accept', 'drop']);
  expect(found!.sets.get('s')).toMatchObject({ keyTypes: ['ipv4_addr'], isDynamic: true });
  const [rule] = found!.chains.get('c')!.rules;
  expect(rule).toMatchObject({ at: '/nftables/5', handle: 7 });
  expect(parseFilterRule(rule!, 'inet').steps.map(({ kind }) => kind)).toEqual(['note', 'verdict']);
});

/** firewalld 1.3 (src/firewall/core/nftables.py), its default zone `public` with cni0 in zone `trusted`. */
const firewalld = `table inet firewalld { # progname firewalld
	ct helper helper-netbios-ns-udp {
		type "netbios-ns" protocol udp
		l3proto ip
	}

	chain mangle_PREROUTING {
		type filter hook prerouting priority mangle + 10; policy accept;
		jump mangle_PREROUTING_POLICIES_pre
	}

	chain mangle_PREROUTING_POLICIES_pre {
	}

	chain filter_INPUT {
		type filter hook input priority filter + 10; policy accept;
		ct state { established, related } accept
		ct status dnat accept
		iifname "lo" accept
		ct state invalid drop
		jump filter_INPUT_ZONES
		reject with icmpx admin-prohibited
	}

	chain filter_FORWARD {
		type filter hook forward priority filter + 10; policy accept;
		ct state { established, related } accept
		ct status dnat accept
		iifname "lo" accept
		ct state invalid drop
		ip6 daddr { ::/96, ::ffff:0.0.0.0/96, 2002::/24, 2002:a00::/24 } reject with icmpv6 addr-unreachable
		jump filter_FORWARD_ZONES
		reject with icmpx admin-prohibited
	}

	chain filter_PREROUTING {
		type filter hook prerouting priority filter + 10; policy accept;
		icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
		meta nfproto ipv6 fib saddr . mark . iif oif missing drop
	}

	chain filter_INPUT_ZONES {
		iifname "cni0" goto filter_IN_trusted
		ip saddr 10.42.0.0/16 goto filter_IN_trusted
		goto filter_IN_public
	}

	chain filter_FORWARD_ZONES {
		iifname "cni0" goto filter_IN_trusted
		goto filter_IN_public
	}

	chain filter_IN_trusted {
		accept
	}

	chain filter_IN_public {
		tcp dport 22 accept
		ip6 daddr fe80::/64 udp dport 546 accept
		udp dport 137 ct helper set "helper-netbios-ns-udp"
		meta l4proto { icmp, ipv6-icmp } accept
	}
}
`;

/** flannel 0.26 in its nftables mode (pkg/trafficmngr/nftables), and portmap 1.6 of the CNI plugins. */
const flannel = `table ip flannel-ipv4 {
	comment "rules for flannel-ipv4"
	chain forward {
		comment "chain to accept flannel traffic"
		type filter hook forward priority filter; policy accept;
		ip saddr 10.42.0.0/16 accept
		ip daddr 10.42.0.0/16 accept
	}

	chain postrtg {
		comment "chain to manage traffic masquerading by flannel"
		type nat hook postrouting priority srcnat; policy accept;
		meta mark 0x00004000 return
		ip saddr 10.42.1.0/24 ip daddr 10.42.0.0/16 return
		ip saddr != 10.42.0.0/16 ip daddr 10.42.1.0/24 return
		ip saddr 10.42.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random
		ip saddr != 10.42.0.0/16 ip daddr 10.42.0.0/16 masquerade fully-random
	}
}
table ip cni_hostport {
	comment "CNI portmap plugin"
	map hostports {
		type inet_proto . inet_service : ipv4_addr . inet_service
		elements = { tcp . 8080 : 10.42.1.5 . 80 }
	}

	chain hostports {
		dnat ip addr . port to meta l4proto . th dport map @hostports
		ip daddr 192.168.7.2 tcp dport 8443 dnat to 10.42.1.6:443 comment "ID: abc"
	}

	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		fib daddr type local jump hostports
	}

	chain output {
		type nat hook output priority dstnat; policy accept;
		fib daddr type local jump hostports
	}

	chain masquerading {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 10.42.1.6 ip daddr 10.42.1.6 masquerade comment "ID: abc"
		ct mark & 0x00002000 == 0x00002000 masquerade
	}
}
`;

describe('rulesets of other programs', () => {
  it.each([
    ['firewalld', firewalld, 26],
    ['flannel and portmap', flannel, 13],
  ])('%s has nothing opaque', (_name, text, count) => {
    const bodies = tablesOf(fromText(text)).flatMap((found) =>
      [...found.chains.values()].flatMap(({ rules }) =>
        rules.map((rule) => parseFilterRule(rule, found.family)),
      ),
    );
    expect(bodies).toHaveLength(count);
    expect(bodies.flatMap(({ steps }) => steps.filter(({ kind }) => kind.startsWith('opaque')))).toEqual([]);
  });

  it('firewalld stands behind iptables and refuses what iptables accepted', () => {
    const [found] = tablesOf(fromText(firewalld));
    expect(found!.origin).toBe('nftables');
    const forward = found!.chains.get('filter_FORWARD')!;
    expect(forward.base).toMatchObject({ hook: 'forward', priority: 10, policy: 'accept' });
    expect(parseFilterRule(forward.rules.at(-1)!, 'inet').steps).toEqual([
      { kind: 'verdict', verdict: { kind: 'reject', with: 'icmp-admin-prohibited' } },
    ]);
  });
});
