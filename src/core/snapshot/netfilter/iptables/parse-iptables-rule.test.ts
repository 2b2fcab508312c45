import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeFile } from '../../../../../test/evidence/make-file.ts';
import type { FilterValue } from '../../filter-facts.ts';
import type { FilterKey, FilterStep, MarkEdit, NatRange } from '../../filter-steps.ts';
import { parseIptablesRule } from './parse-iptables-rule.ts';
import { readIptablesDump } from './read-iptables-dump.ts';

/** A step in a few words, so that a table of rules can be read. */
function shorten(step: FilterStep): string {
  switch (step.kind) {
    case 'match':
      return shortenMatch(step);
    case 'ipset':
      return `${step.isNegated ? 'not ' : ''}in ${step.set} by ${step.directions.join(',')}`;
    case 'chance':
      return step.isAlways === true ? 'always' : step.isNever === true ? 'never' : 'chance';
    case 'rate':
      return step.isOver ? 'over rate' : 'within rate';
    case 'memory':
      return step.isNegated ? 'not remembered' : 'remembered';
    case 'opaque-match':
    case 'opaque':
      return `${step.kind}: ${step.why}`;
    default:
      return shortenAction(step);
  }
}

function shortenAction(step: FilterStep): string {
  switch (step.kind) {
    case 'verdict':
      return Object.values(step.verdict).join(' ');
    case 'set-mark':
      return shortenEdit(step.target, step.edit);
    case 'nat':
    case 'netmap':
      return shortenRange(step.type, step.range);
    case 'tproxy':
      return `tproxy ${step.address ?? '-'} ${step.port ?? '-'} ${JSON.stringify(step.mark)}`;
    case 'clamp-mss':
      return `clamp ${step.bytes}`;
    default:
      return step.kind;
  }
}

function shortenMatch({ keys, isNegated, values }: Extract<FilterStep, { kind: 'match' }>): string {
  const elements = values.kind === 'named' ? [] : values.elements;
  const written = elements.map(({ key }) => key.map(shortenValue).join('.')).join(',');
  return `${keys.map(shortenKey).join('.')} ${isNegated ? '!=' : '=='} ${written}`;
}

function shortenKey({ field, mask, lookupLink, isMarkUsed }: FilterKey): string {
  const masked = mask === undefined ? field : `${field}&${mask.toString(16)}`;
  const looked = lookupLink === undefined ? masked : `${masked}@${lookupLink}`;
  return isMarkUsed === true ? `${looked}@mark` : looked;
}

function shortenValue(value: FilterValue): string {
  if (value.kind === 'name') return `${value.name}${value.isPrefix ? '*' : ''}`;
  return value.from === value.to ? String(value.from) : `${value.from}..${value.to}`;
}

function shortenEdit(target: string, { keep, from, fromMask, xor }: MarkEdit): string {
  const hex = (value: number): string => value.toString(16);
  const source = from === undefined ? '' : ` ${from}&${hex(fromMask ?? 0)}`;
  return `${target} keep ${hex(keep)}${source} xor ${hex(xor)}`;
}

function shortenRange(type: string, { addresses, ports }: NatRange): string {
  const to = addresses === undefined ? '' : ` ${addresses.from}..${addresses.to}`;
  return `${type}${to}${ports === undefined ? '' : ` :${ports.from}-${ports.to}`}`;
}

function parse(text: string, family: 'ip' | 'ip6' = 'ip'): readonly string[] {
  return parseIptablesRule(text, family).steps.map(shorten);
}

const tracked = 'connection-state != invalid,untracked';

describe('what stands before the modules', () => {
  test.each([
    ['-s 10.1.2.3/8', ['source == 10.0.0.0..10.255.255.255']],
    ['! -d 10.0.0.1/32', ['destination != 10.0.0.1']],
    ['-s 10.0.0.0/255.255.128.0', ['source == 10.0.0.0..10.0.127.255']],
    ['-s 0.0.0.0/0', ['source == 0.0.0.0..255.255.255.255']],
    ['-s 10.0.0.1/255.0.0.255', ['opaque-match: compares with a mask that has gaps']],
    ['-i tailscale+ ! -o eth0', ['input-link == tailscale*', 'output-link != eth0']],
    ['-i +', []],
    ['-p tcp', ['protocol == 6']],
    ['! -p 112', ['protocol != 112']],
    ['-p icmp', ['protocol == 1']],
    ['-p all', []],
    ['-p nonsense', ['opaque-match: names an unknown protocol']],
    ['-f', ['never']],
    ['! -f', []],
    ['-m tcp --dport 80 -p tcp', ['protocol == 6', 'destination-port == 80']],
  ])('%s', (text, steps) => {
    expect(parse(text)).toEqual(steps);
  });

  test('of IPv6', () => {
    expect(parse('-s fd7a:115c:a1e0::/48 -p ipv6-icmp', 'ip6')).toEqual([
      'source == fd7a:115c:a1e0::..fd7a:115c:a1e0:ffff:ffff:ffff:ffff:ffff',
      'protocol == 58',
    ]);
    expect(parse('-s ::/0', 'ip6')).toEqual(['source == ::..ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff']);
    expect(parse('-d fd00::/ffff::', 'ip6')).toEqual([
      'destination == fd00::..fd00:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    ]);
    expect(parse('-s 10.0.0.1/32', 'ip6')[0]).toMatch(/^opaque-match/);
    expect(parse('-p icmp', 'ip6')).toEqual(['protocol == 1']);
  });
});

describe('matches', () => {
  test.each<[text: string, steps: readonly string[]]>([
    ['-m tcp --sport 1:1023 ! --dport 80', ['source-port == 1..1023', 'destination-port != 80']],
    ['-m tcp --dport :80', ['destination-port == 0..80']],
    ['-m tcp --dport 80:', ['destination-port == 80..65535']],
    ['-m tcp --dport 80 --tcp-option 5', ['opaque-match: not understood']],
    ['-m tcp --dport 90:80', ['opaque-match: not understood']],
    ['-m tcp --dport 65536', ['opaque-match: not understood']],
    ['-m tcp --tcp-flags FIN,SYN,RST,ACK SYN', ['tcp-flags&17 == 2']],
    ['-m tcp ! --syn', ['tcp-flags&17 != 2']],
    ['-m tcp --tcp-flags ALL NONE', ['tcp-flags&3f == 0']],
    ['-m udp', []],
    ['-m sctp --chunk-types any DATA', ['opaque-match: not understood']],
    ['-m multiport --dports 80,443,1000:2000', ['destination-port == 80,443,1000..2000']],
    ['-m multiport ! --ports 53', ['any-port != 53']],
    ['-m icmp --icmp-type 8', ['icmp-type == 8']],
    ['-m icmp ! --icmp-type 3/4', ['icmp-type.icmp-code != 3.4']],
    ['-m icmp --icmp-type any', []],
    ['-m icmp6 --icmpv6-type 128', ['icmp-type == 128']],
    ['-m icmp6 --icmpv6-type 255', ['icmp-type == 255']],
    ['-m conntrack --ctstate RELATED,ESTABLISHED', ['connection-state == related,established']],
    ['-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT', ['connection-state != related,established,dnat']],
    ['-m conntrack --ctstate NEW,BOGUS', ['opaque-match: not understood']],
    ['-m state --state INVALID,UNTRACKED', ['connection-state == invalid,untracked']],
    [
      '-m conntrack --ctproto 6 --ctorigdst 10.0.0.0/8 --ctorigdstport 80:90',
      [
        tracked,
        'original-protocol == 6',
        'original-destination == 10.0.0.0..10.255.255.255',
        'original-destination-port == 80..90',
      ],
    ],
    ['-m conntrack ! --ctreplsrc 10.0.0.1', [tracked, 'reply-source != 10.0.0.1']],
    [
      '-m conntrack --ctstate NEW --ctdir ORIGINAL',
      ['connection-state == new', 'connection-direction == original'],
    ],
    [
      '-m conntrack --ctstate INVALID,NEW --ctdir ORIGINAL',
      ['opaque-match: asks about a connection, and matches packets without one whatever else it asks'],
    ],
    [
      '-m conntrack --ctstatus ASSURED,SEEN_REPLY ! --ctdir REPLY',
      [tracked, 'connection-status == assured,seen-reply', 'connection-direction != reply'],
    ],
    ['-m conntrack --ctstatus NONE', [tracked, 'never']],
    ['-m conntrack --ctexpire 5', ['opaque-match: depends on how long the connection still lives']],
    ['-m mark --mark 0x4000/0x4000', ['mark&4000 == 16384']],
    ['-m mark ! --mark 0x40000', ['mark != 262144']],
    ['-m mark --mark 0x100000000', ['opaque-match: not understood']],
    ['-m connmark ! --mark 0x0/0xff0000', [tracked, 'connection-mark&ff0000 != 0']],
    [
      '-m conntrack --ctstate RELATED,ESTABLISHED -m connmark ! --mark 0x0/0xff0000',
      ['connection-state == related,established', 'connection-mark&ff0000 != 0'],
    ],
    [
      '-m state ! --state INVALID -m connmark --mark 0x1',
      ['connection-state != invalid', tracked, 'connection-mark == 1'],
    ],
    ['-m addrtype --dst-type LOCAL', ['destination-type == local']],
    [
      '-m addrtype ! --src-type LOCAL,BROADCAST --dst-type UNICAST --limit-iface-in',
      ['source-type@input != local,broadcast', 'destination-type@input == unicast'],
    ],
    ['-m addrtype --dst-type XRESOLVE', ['opaque-match: not understood']],
    ['-m set --match-set A src', ['in A by src']],
    ['-m set ! --match-set A dst,dst', ['not in A by dst,dst']],
    ['-m set --match-set A src ! --update-counters', ['in A by src']],
    [
      '-m set --match-set A src --return-nomatch',
      ['opaque-match: depends on counters or exceptions of the set'],
    ],
    [
      '-m set --match-set A src --packets-gt 5',
      ['opaque-match: depends on counters or exceptions of the set'],
    ],
    ['-m set --match-set A both', ['opaque-match: not understood']],
    ['-m set --match-set A src -m set --match-set B dst', ['in A by src', 'in B by dst']],
    ['-m statistic --mode random --probability 0.33333333349', ['chance']],
    ['-m statistic --mode random --probability 1.00000000000', ['always']],
    ['-m statistic --mode random ! --probability 1.00000000000', ['never']],
    ['-m statistic --mode random --probability 0.00000000000', ['never']],
    ['-m statistic --mode nth --every 3 --packet 0', ['chance']],
    ['-m statistic --mode nth --every 1 --packet 0', ['always']],
    ['-m statistic --mode sometimes', ['opaque-match: not understood']],
    ['-m recent --set --name X --mask 255.255.255.255 --rsource', ['note']],
    ['-m recent ! --set --name X --rsource', ['never']],
    ['-m recent --rcheck --seconds 60 --name X --rsource', ['remembered']],
    ['-m recent ! --update --hitcount 4 --name X --rsource', ['not remembered']],
    ['-m recent --remove --name X --rsource', ['remembered']],
    ['-m physdev ! --physdev-in veth+ --physdev-is-bridged', ['physical-input != veth*', 'is-bridged == 1']],
    ['-m physdev --physdev-is-in ! --physdev-is-out', ['physical-input == *', 'physical-output != *']],
    ['-m limit --limit 5/min --limit-burst 10', ['within rate']],
    [
      '-m hashlimit --hashlimit-above 5/sec --hashlimit-burst 5 --hashlimit-mode srcip --hashlimit-name a',
      ['over rate'],
    ],
    ['-m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 5 --hashlimit-name a', ['within rate']],
    ['-m connlimit --connlimit-above 5 --connlimit-mask 32 --connlimit-saddr', ['over rate']],
    ['-m connlimit --connlimit-above 0 --connlimit-mask 32 --connlimit-saddr', ['always']],
    ['-m connlimit --connlimit-upto 5 --connlimit-mask 32 --connlimit-saddr', ['within rate']],
    ['-m owner --uid-owner 1000-2000', ['user == 1000..2000']],
    ['-m owner --uid-owner 0 --gid-owner 0', ['opaque-match: depends on the socket or process that sends']],
    ['-m owner --socket-exists', ['opaque-match: depends on the socket or process that sends']],
    ['-m rpfilter --validmark --invert', ['source-route-link@input@mark != *']],
    ['-m rpfilter --loose', ['source-route-link == *']],
    ['-m rpfilter --accept-local', ['opaque-match: takes addresses of this host for reachable']],
    ['-m pkttype --pkt-type broadcast', ['packet-type == broadcast']],
    ['-m length ! --length 100:200', ['length != 100..200']],
    ['-m ttl --ttl-lt 5', ['ttl == 0..4']],
    ['-m ttl --ttl-lt 0', ['never']],
    ['-m hl ! --hl-eq 255', ['ttl != 255']],
    ['-m dscp --dscp 0x2e', ['dscp == 46']],
    ['-m tos --tos 0x10/0xfc', ['dscp&3f == 4']],
    ['-m tos --tos 0x10/0xff', ['opaque-match: depends on congestion notification']],
    ['-m iprange --src-range 10.0.0.5-10.0.0.9', ['source == 10.0.0.5..10.0.0.9']],
    ['-m nfacct --nfacct-name  ct_state_invalid_dropped_pkts', ['note']],
    ['-m socket --transparent', ['opaque-match: depends on the sockets of this host']],
    ['-m policy --dir in --pol none', ['opaque-match: depends on IPsec policies']],
    ['-m u32 --u32 "0x0=0x0"', ['opaque-match: depends on bytes of the packet']],
    ['-m string --string "-j DROP" --algo bm', ['opaque-match: depends on what the packet carries']],
    ['-m frob --a 1 "b c" ! --d', ['opaque-match: the match “frob” is not known']],
    ['-m tcp [unsupported revision]', ['opaque-match: not understood']],
  ])('%s', (text, steps) => {
    expect(parse(text)).toEqual(steps);
  });

  test('address types of IPv6 are those of the address itself', () => {
    expect(parse('-m addrtype ! --dst-type UNICAST', 'ip6')).toEqual([
      'destination == ff00::..ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,::,::ffff:0.0.0.0..::ffff:255.255.255.255',
    ]);
    expect(parse('-m addrtype --src-type MULTICAST', 'ip6')).toEqual([
      'source == ff00::..ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    ]);
    expect(parse('-m addrtype --dst-type LOCAL,ANYCAST', 'ip6')).toEqual([
      'destination-type == local,anycast',
    ]);
    expect(parse('-m addrtype --dst-type LOCAL,UNICAST', 'ip6')).toEqual([
      'opaque-match: IPv6 asks for all of several address types at once',
    ]);
  });
});

describe('targets', () => {
  test.each<[text: string, steps: readonly string[]]>([
    ['-j ACCEPT', ['accept']],
    ['-j DROP', ['drop']],
    ['-j RETURN', ['return']],
    ['-j KUBE-SERVICES', ['jump KUBE-SERVICES']],
    ['-g ts-input', ['goto ts-input']],
    ['', []],
    ['-j REJECT', ['reject icmp-port-unreachable']],
    ['-j REJECT --reject-with tcp-reset', ['reject tcp-reset']],
    ['-j REJECT --reject-with icmp-frob', ['opaque: not understood']],
    ['-j LOG --log-prefix "a -j DROP " --log-level 4', ['note']],
    ['-j TEE --gateway 10.0.0.1', ['note']],
    ['-j MARK --set-xmark 0x4000/0x4000', ['mark keep ffffbfff xor 4000']],
    ['-j MARK --set-xmark 0x4000/0x0', ['mark keep ffffffff xor 4000']],
    ['-j MARK --set-xmark 0x0/0xffff', ['mark keep ffff0000 xor 0']],
    ['-j MARK --set-mark 0x11/0x3', ['mark keep ffffffec xor 11']],
    ['-j MARK --set-mark 5', ['mark keep 0 xor 5']],
    ['-j MARK --and-mark 0xff', ['mark keep ff xor 0']],
    ['-j MARK --or-mark 0x80000000', ['mark keep 7fffffff xor 80000000']],
    ['-j MARK --xor-mark 0xff', ['mark keep ffffffff xor ff']],
    ['-j CONNMARK --set-xmark 0x1/0xffffffff', ['connection-mark keep 0 xor 1']],
    [
      '-j CONNMARK --save-mark --nfmask 0xff00 --ctmask 0xff0000',
      ['connection-mark keep ff00ffff mark&ff00 xor 0'],
    ],
    [
      '-j CONNMARK --restore-mark --nfmask 0xff00 --ctmask 0xff0000',
      ['mark keep ffff00ff connection-mark&ff0000 xor 0'],
    ],
    ['-j CONNMARK --save-mark', ['connection-mark keep 0 mark&ffffffff xor 0']],
    ['-j CONNMARK --restore-mark --left-shift-mark 8', ['opaque: not understood']],
    ['-j DNAT --to-destination 10.42.1.11:8000', ['dnat 10.42.1.11..10.42.1.11 :8000-8000']],
    [
      '-j DNAT --to-destination 10.0.0.1-10.0.0.5:80-90 --random --persistent',
      ['dnat 10.0.0.1..10.0.0.5 :80-90'],
    ],
    ['-j DNAT --to-destination :8080', ['dnat :8080-8080']],
    ['-j DNAT --to-destination 10.0.0.1', ['dnat 10.0.0.1..10.0.0.1']],
    ['-j DNAT --to-destination 10.0.0.1:80-90/85', ['opaque: not understood']],
    ['-j DNAT --to-destination 10.0.0.1 --to-destination 10.0.0.2', ['opaque: not understood']],
    ['-j DNAT --to-destination 10.0.0.5-10.0.0.1', ['opaque: not understood']],
    ['-j DNAT', ['opaque: not understood']],
    ['-j SNAT --to-source 192.0.2.1:1024-65535 --random-fully', ['snat 192.0.2.1..192.0.2.1 :1024-65535']],
    ['-j MASQUERADE --random-fully', ['masquerade']],
    ['-j MASQUERADE --to-ports 1024-65535', ['masquerade :1024-65535']],
    ['-j REDIRECT --to-ports 8080', ['redirect :8080-8080']],
    ['-j NETMAP --to 10.9.0.0/16', ['by-hook 10.9.0.0..10.9.255.255']],
    [
      '-j TPROXY --on-port 5 --on-ip 0.0.0.0 --tproxy-mark 0x1/0x1',
      ['tproxy - 5 {"keep":4294967294,"xor":1}'],
    ],
    ['-j TPROXY --on-port 5 --on-ip 127.0.0.1 --tproxy-mark 0x0/0x0', ['tproxy 127.0.0.1 5 undefined']],
    ['-j CT --notrack', ['untrack']],
    ['-j NOTRACK', ['untrack']],
    ['-j CT --helper ftp', ['note']],
    ['-j CT --zone 5', ['opaque: moves the connection to another zone']],
    ['-j TCPMSS --clamp-mss-to-pmtu', ['clamp path']],
    ['-j TCPMSS --set-mss 1200', ['clamp 1200']],
    ['-j NFQUEUE --queue-num 5 --queue-bypass', ['opaque: hands the packet to a program, which decides']],
    ['-j DSCP --set-dscp 0x05', ['opaque: changes the DSCP, which routing may ask for']],
    ['-j TTL --ttl-set 64', ['note']],
    ['-j TTL --ttl-set 1', ['opaque: lowers the TTL']],
    ['-j HL --hl-dec 1', ['opaque: lowers the hop limit']],
    ['-j SET --add-set A src --exist', ['note']],
    ['-j SET --map-set A src --map-mark', ['opaque: takes marks from a set']],
    ['-j FROB --option "x y"', ['opaque: the target “FROB” is not known']],
    ['-j ACCEPT --odd', ['opaque: not understood']],
    ['-j', ['opaque: not understood']],
    ['-j ACCEPT -j DROP', ['opaque: not understood']],
    ['-m comment --comment "open', ['opaque: its quotes do not close']],
    ['! ! -s 10.0.0.1', ['opaque: not understood']],
    ['10.0.0.1 -j ACCEPT', ['opaque: not understood']],
  ])('%s', (text, steps) => {
    expect(parse(text)).toEqual(steps);
  });

  test('of IPv6', () => {
    expect(parse('-j REJECT', 'ip6')).toEqual(['reject icmp6-port-unreachable']);
    expect(parse('-j DNAT --to-destination [fd00::1]:80', 'ip6')).toEqual(['dnat fd00::1..fd00::1 :80-80']);
    expect(parse('-j DNAT --to-destination [fd00::1-fd00::9]:80-90', 'ip6')).toEqual([
      'dnat fd00::1..fd00::9 :80-90',
    ]);
    expect(parse('-j SNAT --to-source fd00::1', 'ip6')).toEqual(['snat fd00::1..fd00::1']);
    expect(parse('-j SNAT --to-source ::1', 'ip6')).toEqual(['snat ::1..::1']);
    expect(parse('-j DNAT --to-destination :80', 'ip6')).toEqual(['dnat :80-80']);
  });
});

describe('a rule', () => {
  test('keeps its comment, which is no match', () => {
    const body = parseIptablesRule('-m comment --comment "it\\\'s \\"q\\" \\\\ -j DROP" -j ACCEPT', 'ip');
    expect(body.comment).toBe('it\'s "q" \\ -j DROP');
    expect(body.steps.map(shorten)).toEqual(['accept']);
    expect(parseIptablesRule('-m comment --comment --dport -j ACCEPT', 'ip').comment).toBe('--dport');
    expect(parseIptablesRule('-m comment --comment -j -j ACCEPT', 'ip').steps.map(shorten)).toEqual([
      'accept',
    ]);
  });

  test('keeps how each match was written', () => {
    const { steps } = parseIptablesRule(
      '! -s 10.0.0.0/8 -m comment --comment x -m frob --a "b c" -j DROP',
      'ip',
    );
    expect(steps.map((step) => ('text' in step ? step.text : ''))).toEqual([
      '! -s 10.0.0.0/8',
      '-m frob --a "b c"',
      '',
    ]);
  });

  test('with bytes that are no text in a name is opaque, in a comment is not', () => {
    expect(parse('-m set --match-set \uFFFD src -j ACCEPT')).toEqual([
      'opaque-match: not understood',
      'accept',
    ]);
    expect(parse('-j \uFFFD')).toEqual(['opaque: the target “\uFFFD” is not known']);
    expect(parse('-m comment --comment "\uFFFD" -j ACCEPT')).toEqual(['accept']);
  });

  test('never loses a match: each unknown module is one opaque step', () => {
    const argument = fc.constantFrom('--a', '--b 5', '! --c', '"d e"', '--f "-j"', 'g');
    const module = fc.tuple(fc.constantFrom('x1', 'x2', 'x3'), fc.array(argument));
    fc.assert(
      fc.property(fc.array(module), (modules) => {
        const text = modules.map(([name, options]) => `-m ${name} ${options.join(' ')}`).join(' ');
        const steps = parse(`${text} -j ACCEPT`);
        expect(steps).toHaveLength(modules.length + 1);
        expect(steps.slice(0, -1).every((step) => step.startsWith('opaque-match'))).toBe(true);
        expect(steps.at(-1)).toBe('accept');
      }),
    );
  });

  test('of any words at all gives steps, and never one less for a word more that is not known', () => {
    const word = fc.constantFrom(
      '-s',
      '-m',
      '-j',
      '!',
      'tcp',
      '--dport',
      '80',
      '"',
      '\\',
      '10.0.0.0/8',
      'set',
    );
    fc.assert(
      fc.property(fc.array(word), (words) => {
        expect(parseIptablesRule(words.join(' '), 'ip').steps).toBeInstanceOf(Array);
      }),
    );
  });
});

describe('recorded rules', () => {
  test.each([
    ['kube-proxy-with-policies.txt', 4],
    ['kube-proxy-6.txt', 6],
    ['tailscale.txt', 4],
    ['tailscale-6.txt', 6],
  ] as const)('%s holds nothing opaque', (name, family) => {
    const url = new URL(`../../../../../test/fixtures/netfilter/iptables/${name}`, import.meta.url);
    const reading = readIptablesDump(makeFile(name, readFileSync(url)), family);
    if (!reading.isUnderstood) throw new Error(reading.detail);
    const opaque = reading.value.tables.flatMap((table) =>
      [...table.chains.values()].flatMap((chain) =>
        chain.rules.flatMap(({ source }) =>
          source.syntax === 'iptables' ? parseIptablesRule(source.text, table.family).steps : [],
        ),
      ),
    );
    expect(opaque.length).toBeGreaterThan(10);
    expect(opaque.filter((step) => step.kind.startsWith('opaque'))).toEqual([]);
  });
});
