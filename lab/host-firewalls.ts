// The rules of firewalls that are no part of a cluster, as shell commands for one machine: what Docker 20.10, ufw 0.36 and
// firewalld 1.3 (Debian 12) leave in the kernel. Beside them stands what their owner would have allowed for k3s. In go
// choices, out come commands that add to the rules that are there, as those programs do.

/** What k3s's documentation says to open, and what Tailscale and the lab need. */
const openPorts = {
  tcp: ['22', '6443', '10250', '30000:32767'],
  udp: ['8472', '41641'],
} as const;

/** Installed beside k3s, with no container running. Its rules go to the top of FORWARD, and the policy to DROP. */
export const dockerCommands: readonly string[] = [
  'ip link add docker0 type bridge',
  'ip addr add 172.17.0.1/16 brd + dev docker0',
  'ip link set docker0 up',
  restore('iptables-restore --noflush', [
    '*nat',
    ':DOCKER - [0:0]',
    '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
    '-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER',
    '-I POSTROUTING 1 -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE',
    '-A DOCKER -i docker0 -j RETURN',
    'COMMIT',
    '*filter',
    ':DOCKER - [0:0]',
    ':DOCKER-ISOLATION-STAGE-1 - [0:0]',
    ':DOCKER-ISOLATION-STAGE-2 - [0:0]',
    ':DOCKER-USER - [0:0]',
    ...[
      'FORWARD 1 -j DOCKER-USER',
      'FORWARD 2 -j DOCKER-ISOLATION-STAGE-1',
      'FORWARD 3 -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      'FORWARD 4 -o docker0 -j DOCKER',
      'FORWARD 5 -i docker0 ! -o docker0 -j ACCEPT',
      'FORWARD 6 -i docker0 -o docker0 -j ACCEPT',
    ].map((rule) => `-I ${rule}`),
    '-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2',
    '-A DOCKER-ISOLATION-STAGE-1 -j RETURN',
    '-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP',
    '-A DOCKER-ISOLATION-STAGE-2 -j RETURN',
    '-A DOCKER-USER -j RETURN',
    'COMMIT',
  ]),
  'iptables -P FORWARD DROP',
];

const ufwParts = ['before-logging', 'before', 'after', 'after-logging', 'reject', 'track'] as const;

/** Enabled with the ports of k3s open; `trusted` are the networks that it was told to let in. */
export function ufwCommands(trusted: readonly string[]): readonly string[] {
  const hooks = ['input', 'forward', 'output'];
  const chains = hooks.flatMap((hook) => ufwParts.map((part) => `ufw-${part}-${hook}`));
  const jumps = hooks.flatMap((hook) =>
    ufwParts.map((part) => `-A ${hook.toUpperCase()} -j ufw-${part}-${hook}`),
  );
  return [
    restore('iptables-restore --noflush', [
      '*filter',
      ...[...chains, 'ufw-user-input', 'ufw-user-forward', 'ufw-not-local', 'ufw-skip-to-policy-input'].map(
        (chain) => `:${chain} - [0:0]`,
      ),
      ...jumps,
      '-A ufw-before-input -i lo -j ACCEPT',
      '-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A ufw-before-input -m conntrack --ctstate INVALID -j DROP',
      ...['3', '11', '12', '8'].map(
        (type) => `-A ufw-before-input -p icmp -m icmp --icmp-type ${type} -j ACCEPT`,
      ),
      '-A ufw-before-input -j ufw-not-local',
      '-A ufw-before-input -j ufw-user-input',
      '-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      ...['3', '11', '12', '8'].map(
        (type) => `-A ufw-before-forward -p icmp -m icmp --icmp-type ${type} -j ACCEPT`,
      ),
      '-A ufw-before-forward -j ufw-user-forward',
      '-A ufw-before-output -o lo -j ACCEPT',
      '-A ufw-before-output -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A ufw-track-output -p tcp -m conntrack --ctstate NEW -j ACCEPT',
      '-A ufw-track-output -p udp -m conntrack --ctstate NEW -j ACCEPT',
      '-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN',
      '-A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN',
      '-A ufw-not-local -m addrtype --dst-type BROADCAST -j RETURN',
      '-A ufw-not-local -j DROP',
      ...openPorts.tcp.map((port) => `-A ufw-user-input -p tcp -m tcp --dport ${port} -j ACCEPT`),
      ...openPorts.udp.map((port) => `-A ufw-user-input -p udp -m udp --dport ${port} -j ACCEPT`),
      ...trusted.map((prefix) => `-A ufw-user-input -s ${prefix} -j ACCEPT`),
      '-A ufw-skip-to-policy-input -j DROP',
      'COMMIT',
    ]),
    'iptables -P INPUT DROP',
    'iptables -P FORWARD DROP',
  ];
}

/**
 * With eth0 in the zone `public`, its ports open, and whatever comes from `trusted` let through. Its table is its own and
 * runs after the others: what they accept it still refuses.
 */
export function firewalldCommands(trusted: readonly string[]): readonly string[] {
  const zones = (hook: string, short: string): string => {
    const sources = trusted.map((prefix) => `\t\tip saddr ${prefix} goto filter_${short}_trusted\n`).join('');
    return `\tchain filter_${hook}_ZONES {\n${sources}\t\tiifname "eth0" goto filter_${short}_public\n\t\tgoto filter_${short}_public\n\t}`;
  };
  const allowed = [
    ...openPorts.tcp.map((port) => `\t\ttcp dport ${port.replace(':', '-')} accept\n`),
    ...openPorts.udp.map((port) => `\t\tudp dport ${port} accept\n`),
  ].join('');
  const base = (hook: string, rest: string): string => `\tchain filter_${hook} {
\t\ttype filter hook ${hook.toLowerCase()} priority filter + 10; policy accept;
\t\tct state { established, related } accept
\t\tct status dnat accept
\t\tiifname "lo" accept
\t\tct state invalid drop
${rest}\t\treject with icmpx admin-prohibited
\t}`;
  return [
    `nft -f - <<'END-OF-RULES'
table inet firewalld {
\tchain filter_IN_trusted {
\t\taccept
\t}
\tchain filter_FWD_trusted {
\t\taccept
\t}
\tchain filter_IN_public_allow {
${allowed}\t}
\tchain filter_IN_public {
\t\tjump filter_IN_public_allow
\t\tmeta l4proto { icmp, ipv6-icmp } accept
\t\treject with icmpx admin-prohibited
\t}
\tchain filter_FWD_public {
\t\tmeta l4proto { icmp, ipv6-icmp } accept
\t\treject with icmpx admin-prohibited
\t}
${zones('INPUT', 'IN')}
${zones('FORWARD', 'FWD')}
${base('INPUT', '\t\tjump filter_INPUT_ZONES\n')}
${base('FORWARD', '\t\tjump filter_FORWARD_ZONES\n')}
\tchain filter_OUTPUT {
\t\ttype filter hook output priority filter + 10; policy accept;
\t\tct state { established, related } accept
\t\toifname "lo" accept
\t}
}
END-OF-RULES`,
  ];
}

function restore(command: string, lines: readonly string[]): string {
  return `${command} <<'END-OF-RULES'\n${lines.join('\n')}\nEND-OF-RULES`;
}
