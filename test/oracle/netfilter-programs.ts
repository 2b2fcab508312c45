// Rules of iptables as programs on a node write them, with the dice's Services, policies and settings: kube-proxy,
// kube-router, flannel, tailscaled, docker, ufw, portmap. In: dice and tables. Out: nothing but the rules; ipsets as lines.
import { outsideAddresses, repeat, virtualAddresses } from './netfilter-pools.ts';
import type { Version } from './netfilter-pools.ts';
import type { Tables } from './netfilter-tables.ts';
import type { Dice } from './random.ts';

export interface ProgramScope {
  readonly dice: Dice;
  readonly version: Version;
  readonly tables: Tables;
  /** Lines for `ipset restore`. */
  readonly ipsets: string[];
}

const podRange: Record<Version, string> = { 4: '10.42.0.0/16', 6: 'fd00:42::/32' };
const nodeRange: Record<Version, string> = { 4: '10.42.0.0/24', 6: 'fd00:42::/64' };
const localPods: Record<Version, readonly string[]> = {
  4: ['10.42.0.11', '10.42.0.12'],
  6: ['fd00:42::11', 'fd00:42::12'],
};
const endpoints: Record<Version, readonly string[]> = {
  4: ['10.42.2.5', '10.42.2.6', '10.42.3.5', '10.42.0.11', '10.42.0.12'],
  6: ['fd00:42:2::5', 'fd00:42:2::6', 'fd00:42:3::5', 'fd00:42::11', 'fd00:42::12'],
};
const host = (version: Version): string => (version === 4 ? '/32' : '/128');
const target = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

/** kube-proxy 1.36, pkg/proxy/iptables/proxier.go. */
export function writeKubeProxy({ dice, version, tables }: ProgramScope): void {
  const all = host(version);
  tables.append('nat', 'PREROUTING', '-m comment --comment "kubernetes service portals" -j KUBE-SERVICES');
  tables.append('nat', 'OUTPUT', '-m comment --comment "kubernetes service portals" -j KUBE-SERVICES');
  tables.append(
    'nat',
    'POSTROUTING',
    '-m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
  );
  tables.append('nat', 'KUBE-MARK-MASQ', '-j MARK --set-xmark 0x4000/0x4000');
  tables.append('nat', 'KUBE-POSTROUTING', '-m mark ! --mark 0x4000/0x4000 -j RETURN');
  tables.append('nat', 'KUBE-POSTROUTING', '-j MARK --set-xmark 0x4000/0x0');
  tables.append('nat', 'KUBE-POSTROUTING', '-j MASQUERADE --random-fully');
  tables.chain('nat', 'KUBE-NODEPORTS');
  tables.chain('filter', 'KUBE-SERVICES');
  for (const [index, address] of virtualAddresses[version].entries()) {
    const service: Service = {
      name: `SVC${index}`,
      address,
      port: dice.pick([53, 80, 443]),
      protocol: dice.pick(['tcp', 'udp']),
      nodePort: [30080, 31234, 30999][index] ?? 30999,
    };
    if (dice.chance(0.2))
      tables.append(
        'filter',
        'KUBE-SERVICES',
        `-d ${address}${all} -p ${service.protocol} -m comment --comment "apps/empty:http has no endpoints" -m ${service.protocol} --dport ${service.port} -j REJECT --reject-with ${version === 4 ? 'icmp-port-unreachable' : 'icmp6-port-unreachable'}`,
      );
    else writeService({ dice, version, tables, ipsets: [] }, service);
  }
  tables.append(
    'nat',
    'KUBE-SERVICES',
    '-m comment --comment "kubernetes service nodeports" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
  );
  for (const hook of ['FORWARD', 'OUTPUT'])
    tables.append(
      'filter',
      hook,
      '-m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    );
  tables.append('filter', 'FORWARD', '-m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD');
  tables.append('filter', 'KUBE-FORWARD', '-m conntrack --ctstate INVALID -j DROP');
  tables.append(
    'filter',
    'KUBE-FORWARD',
    '-m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT',
  );
  tables.append('filter', 'KUBE-FORWARD', '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT');
  if (version === 4)
    for (const hook of ['INPUT', 'OUTPUT'])
      tables.append(
        'filter',
        hook,
        '! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
      );
}

interface Service {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly protocol: string;
  readonly nodePort: number;
}

function writeService({ dice, version, tables }: ProgramScope, service: Service): void {
  const { name, protocol } = service;
  const [svc, ext] = [`KUBE-SVC-${name}`, `KUBE-EXT-${name}`];
  const match = `-p ${protocol} -m comment --comment "apps/web:http cluster IP" -m ${protocol} --dport ${service.port}`;
  tables.append('nat', 'KUBE-SERVICES', `-d ${service.address}${host(version)} ${match} -j ${svc}`);
  tables.append(
    'nat',
    'KUBE-NODEPORTS',
    `-p ${protocol} -m ${protocol} --dport ${service.nodePort} -j ${ext}`,
  );
  const isLocal = dice.chance(0.3);
  if (isLocal) {
    tables.append(
      'nat',
      ext,
      `-s ${podRange[version]} -m comment --comment "pod traffic for apps/web external destinations" -j ${svc}`,
    );
    tables.append('nat', ext, `-m addrtype --src-type LOCAL -j KUBE-MARK-MASQ`);
    tables.append('nat', ext, `-m addrtype --src-type LOCAL -j ${svc}`);
  } else {
    tables.append('nat', ext, '-j KUBE-MARK-MASQ');
    tables.append('nat', ext, `-j ${svc}`);
  }
  if (dice.chance(0.8))
    tables.append(
      'nat',
      svc,
      `! -s ${podRange[version]} -d ${service.address}${host(version)} ${match} -j KUBE-MARK-MASQ`,
    );
  const chosen = [...new Set(repeat(1 + dice.below(3), () => dice.pick(endpoints[version])))];
  for (const [index, endpoint] of chosen.entries()) {
    const sep = `KUBE-SEP-${name}-${index}`;
    const left = chosen.length - index;
    const chance = left === 1 ? '' : ` -m statistic --mode random --probability ${(1 / left).toFixed(11)}`;
    tables.append(
      'nat',
      svc,
      `-m comment --comment "apps/web:http -> ${target(endpoint, 8080)}"${chance} -j ${sep}`,
    );
    tables.append(
      'nat',
      sep,
      `-s ${endpoint}${host(version)} -m comment --comment "apps/web:http" -j KUBE-MARK-MASQ`,
    );
    tables.append(
      'nat',
      sep,
      `-p ${protocol} -m ${protocol} -j DNAT --to-destination ${target(endpoint, dice.pick([8080, 53]))}`,
    );
  }
}

/** kube-router as k3s has it, pkg/controllers/netpol. */
export function writeKubeRouter({ dice, version, tables, ipsets }: ProgramScope): void {
  const prefix = version === 4 ? '' : 'inet6:';
  const family = version === 4 ? 'inet' : 'inet6';
  const [sources, destinations] = [`${prefix}KUBE-SRC-RANDOM`, `${prefix}KUBE-DST-RANDOM`];
  ipsets.push(
    `create ${sources} hash:net family ${family} timeout 0`,
    `create ${destinations} hash:ip family ${family} timeout 0`,
  );
  ipsets.push(`add ${sources} ${version === 4 ? '10.42.1.0/24' : 'fd00:42:1::/64'}`);
  if (dice.chance(0.6))
    ipsets.push(`add ${sources} ${version === 4 ? '10.42.1.77' : 'fd00:42:1::77'} nomatch`);
  for (const pod of localPods[version]) ipsets.push(`add ${destinations} ${pod}`);
  tables.append('filter', 'KUBE-NWPLCY-COMMON', '-m conntrack --ctstate INVALID -j DROP');
  tables.append('filter', 'KUBE-NWPLCY-COMMON', '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT');
  tables.append(
    'filter',
    'KUBE-NWPLCY-COMMON',
    version === 4
      ? '-p icmp -m icmp --icmp-type 8 -j ACCEPT'
      : '-p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT',
  );
  tables.append('filter', 'KUBE-NWPLCY-DEFAULT', '-j MARK --set-xmark 0x10000/0x10000');
  const ports = dice.pick(['-m tcp --dport 80', '-m tcp --dport 8080', '-m tcp --dport 1:10000', '']);
  for (const mark of ['-j MARK --set-xmark 0x10000/0x10000', '-m mark --mark 0x10000/0x10000 -j RETURN'])
    tables.append(
      'filter',
      'KUBE-NWPLCY-WEB',
      `-p tcp -m comment --comment "rule to ACCEPT traffic" -m set --match-set ${sources} src -m set --match-set ${destinations} dst ${ports} ${mark}`,
    );
  for (const [index, pod] of localPods[version].entries())
    writePodFirewall({ dice, version, tables, ipsets }, pod, `KUBE-POD-FW-${index}`);
  for (const hook of ['INPUT', 'FORWARD', 'OUTPUT']) {
    tables.insert(
      'filter',
      hook,
      `-m comment --comment "kube-router netpol - 4IA2OSFRMVNDXBVV" -j KUBE-ROUTER-${hook}`,
    );
    tables.append(
      'filter',
      hook,
      '-m comment --comment "KUBE-ROUTER rule to explicitly ACCEPT" -m mark --mark 0x20000/0x20000 -j ACCEPT',
    );
  }
  tables.insert(
    'filter',
    'KUBE-ROUTER-INPUT',
    '-p tcp -m addrtype --dst-type LOCAL -m multiport --dports 30000:32767 -j RETURN',
  );
}

function writePodFirewall({ dice, version, tables }: ProgramScope, pod: string, chain: string): void {
  const own = `${pod}${host(version)}`;
  tables.append('filter', chain, '-j KUBE-NWPLCY-COMMON');
  tables.append('filter', chain, `-d ${own} -m addrtype --src-type LOCAL -j ACCEPT`);
  const policies = [
    `-s ${own} -j ${dice.pick(['KUBE-NWPLCY-DEFAULT', 'KUBE-NWPLCY-WEB'])}`,
    `-d ${own} -j ${dice.pick(['KUBE-NWPLCY-DEFAULT', 'KUBE-NWPLCY-WEB', 'KUBE-NWPLCY-WEB'])}`,
  ];
  for (const policy of policies) tables.append('filter', chain, policy);
  tables.append(
    'filter',
    chain,
    '-m mark ! --mark 0x10000/0x10000 -m limit --limit 10/min --limit-burst 10 -j NFLOG --nflog-group 100',
  );
  tables.append(
    'filter',
    chain,
    `-m mark ! --mark 0x10000/0x10000 -j REJECT --reject-with ${version === 4 ? 'icmp-port-unreachable' : 'icmp6-port-unreachable'}`,
  );
  tables.append('filter', chain, '-j MARK --set-xmark 0x0/0x10000');
  tables.append('filter', chain, '-j MARK --set-xmark 0x20000/0x20000');
  for (const hook of ['FORWARD', 'OUTPUT'])
    tables.append('filter', `KUBE-ROUTER-${hook}`, `-d ${own} -j ${chain}`);
  for (const hook of ['INPUT', 'FORWARD', 'OUTPUT'])
    tables.append('filter', `KUBE-ROUTER-${hook}`, `-s ${own} -j ${chain}`);
  for (const end of ['-s', '-d'])
    tables.append(
      'filter',
      'KUBE-ROUTER-FORWARD',
      `${end} ${own} -m physdev --physdev-is-bridged -j ${chain}`,
    );
}

/** flannel 0.28, pkg/trafficmngr/iptables. */
export function writeFlannel({ version, tables }: ProgramScope): void {
  const [all, own] = [podRange[version], nodeRange[version]];
  tables.append('filter', 'FORWARD', '-m comment --comment "flanneld forward" -j FLANNEL-FWD');
  tables.append('filter', 'FLANNEL-FWD', `-s ${all} -j ACCEPT`);
  tables.append('filter', 'FLANNEL-FWD', `-d ${all} -j ACCEPT`);
  tables.append('nat', 'POSTROUTING', '-m comment --comment "flanneld masq" -j FLANNEL-POSTRTG');
  tables.append('nat', 'FLANNEL-POSTRTG', '-m mark --mark 0x4000/0x4000 -j RETURN');
  tables.append('nat', 'FLANNEL-POSTRTG', `-s ${own} -d ${all} -j RETURN`);
  tables.append('nat', 'FLANNEL-POSTRTG', `-s ${all} -d ${own} -j RETURN`);
  tables.append('nat', 'FLANNEL-POSTRTG', `! -s ${all} -d ${own} -j RETURN`);
  tables.append(
    'nat',
    'FLANNEL-POSTRTG',
    `-s ${all} ! -d ${version === 4 ? '224.0.0.0/4' : 'ff00::/8'} -j MASQUERADE --random-fully`,
  );
  tables.append('nat', 'FLANNEL-POSTRTG', `! -s ${all} -d ${all} -j MASQUERADE --random-fully`);
}

/** tailscaled 1.102, util/linuxfw/iptables_runner.go. */
export function writeTailscale({ dice, version, tables }: ProgramScope): void {
  tables.insert('filter', 'INPUT', '-j ts-input');
  tables.insert('filter', 'FORWARD', '-j ts-forward');
  tables.insert('nat', 'POSTROUTING', '-j ts-postrouting');
  tables.append(
    'filter',
    'ts-input',
    `-s ${version === 4 ? '100.64.0.7/32' : 'fd7a:115c:a1e0::7/128'} -i lo -j ACCEPT`,
  );
  tables.append('filter', 'ts-input', '-i tailscale0 -j ACCEPT');
  tables.append('filter', 'ts-input', '-p udp -m udp --dport 41641 -j ACCEPT');
  if (version === 4) {
    tables.append('filter', 'ts-input', '-s 100.115.92.0/23 ! -i tailscale0 -j RETURN');
    tables.append('filter', 'ts-input', '-s 100.64.0.0/10 ! -i tailscale0 -j DROP');
  }
  tables.append('filter', 'ts-forward', '-i tailscale0 -j MARK --set-xmark 0x40000/0xff0000');
  tables.append('filter', 'ts-forward', '-m mark --mark 0x40000/0xff0000 -j ACCEPT');
  if (version === 4) tables.append('filter', 'ts-forward', '-s 100.64.0.0/10 -o tailscale0 -j DROP');
  if (dice.chance(0.3))
    tables.append(
      'filter',
      'ts-forward',
      '-o tailscale0 -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP',
    );
  tables.append('filter', 'ts-forward', '-o tailscale0 -j ACCEPT');
  tables.chain('nat', 'ts-postrouting');
  if (dice.chance(0.8))
    tables.append('nat', 'ts-postrouting', '-m mark --mark 0x40000/0xff0000 -j MASQUERADE');
  if (dice.chance(0.6)) {
    tables.append(
      'mangle',
      'PREROUTING',
      '-m conntrack --ctstate RELATED,ESTABLISHED -m connmark ! --mark 0x0/0xff0000 -j CONNMARK --restore-mark --nfmask 0xff0000 --ctmask 0xff0000',
    );
    tables.append(
      'mangle',
      'OUTPUT',
      '-m conntrack --ctstate NEW -m mark ! --mark 0x0/0xff0000 -j CONNMARK --save-mark --nfmask 0xff0000 --ctmask 0xff0000',
    );
  }
}

/** docker 28, libnetwork's iptables driver, with the LAN's bridge standing for docker0. */
export function writeDocker({ dice, version, tables }: ProgramScope): void {
  if (dice.chance(0.7)) tables.chain('filter', 'FORWARD', 'DROP');
  tables.insert('filter', 'FORWARD', '-j DOCKER-FORWARD');
  tables.insert('filter', 'FORWARD', '-j DOCKER-USER');
  tables.append('filter', 'DOCKER-USER', '-j RETURN');
  tables.append('filter', 'DOCKER-FORWARD', '-j DOCKER-CT');
  tables.append('filter', 'DOCKER-FORWARD', '-j DOCKER-ISOLATION-STAGE-1');
  tables.append('filter', 'DOCKER-FORWARD', '-j DOCKER-BRIDGE');
  tables.append('filter', 'DOCKER-FORWARD', '-i docker0 -j ACCEPT');
  tables.append('filter', 'DOCKER-CT', '-o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT');
  tables.append('filter', 'DOCKER-BRIDGE', '-o docker0 -j DOCKER');
  tables.append('filter', 'DOCKER', '! -i docker0 -o docker0 -j DROP');
  tables.append('filter', 'DOCKER-ISOLATION-STAGE-1', '-i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2');
  tables.append('filter', 'DOCKER-ISOLATION-STAGE-2', '-o docker0 -j DROP');
  if (version === 4) {
    tables.append('nat', 'PREROUTING', '-m addrtype --dst-type LOCAL -j DOCKER-N');
    tables.append('nat', 'OUTPUT', '! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER-N');
    tables.append('nat', 'POSTROUTING', '-s 172.17.0.0/16 ! -o docker0 -j MASQUERADE');
    tables.append('nat', 'DOCKER-N', '-i docker0 -j RETURN');
    tables.append(
      'nat',
      'DOCKER-N',
      `! -i docker0 -p tcp -m tcp --dport ${dice.pick([8080, 80])} -j DNAT --to-destination 172.17.1.5:80`,
    );
  }
}

/** ufw 0.36, before.rules and the user's own. */
export function writeUfw({ dice, version, tables }: ProgramScope): void {
  const n = version === 4 ? 'ufw' : 'ufw6';
  for (const [hook, name] of [
    ['INPUT', 'input'],
    ['FORWARD', 'forward'],
    ['OUTPUT', 'output'],
  ] as const) {
    if (dice.chance(name === 'output' ? 0.1 : 0.7)) tables.chain('filter', hook, 'DROP');
    tables.append('filter', hook, `-j ${n}-before-${name}`);
    tables.append('filter', `${n}-before-${name}`, '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT');
    tables.append('filter', `${n}-before-${name}`, `-j ${n}-user-${name}`);
    tables.chain('filter', `${n}-user-${name}`);
  }
  tables.insert('filter', `${n}-before-input`, '-i lo -j ACCEPT');
  tables.append('filter', `${n}-before-input`, '-m conntrack --ctstate INVALID -j DROP');
  tables.append(
    'filter',
    `${n}-before-input`,
    version === 4
      ? '-p icmp -m icmp --icmp-type 8 -j ACCEPT'
      : '-p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT',
  );
  tables.append('filter', `${n}-before-input`, `-j ${n}-not-local`);
  for (const type of ['LOCAL', 'MULTICAST', 'BROADCAST'])
    if (version === 4 || type !== 'BROADCAST')
      tables.append('filter', `${n}-not-local`, `-m addrtype --dst-type ${type} -j RETURN`);
  tables.append(
    'filter',
    `${n}-not-local`,
    '-m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "',
  );
  tables.append('filter', `${n}-not-local`, '-j DROP');
  tables.append('filter', `${n}-user-input`, '-p tcp -m tcp --dport 22 -j ACCEPT');
  tables.append(
    'filter',
    `${n}-user-input`,
    `-p tcp -m multiport --dports 80,443 -s ${dice.pick(outsideAddresses[version])} -j ACCEPT`,
  );
  tables.append('filter', `${n}-user-input`, '-p udp -m udp --dport 53 -j ACCEPT');
  if (dice.chance(0.5)) tables.append('filter', `${n}-user-forward`, `-d ${podRange[version]} -j ACCEPT`);
  if (dice.chance(0.5))
    tables.append('filter', `${n}-user-forward`, '-i eth0 -o eth1 -p tcp -m tcp --dport 80 -j ACCEPT');
}

/** The CNI's portmap plugin 1.6. */
export function writePortmap({ version, tables, dice }: ProgramScope): void {
  const pod = dice.pick(localPods[version]);
  for (const hook of ['PREROUTING', 'OUTPUT'])
    tables.append('nat', hook, '-m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT');
  tables.append(
    'nat',
    'POSTROUTING',
    '-m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ',
  );
  tables.append('nat', 'CNI-HOSTPORT-MASQ', '-m mark --mark 0x2000/0x2000 -j MASQUERADE');
  tables.append(
    'nat',
    'CNI-HOSTPORT-SETMARK',
    '-m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000',
  );
  tables.append(
    'nat',
    'CNI-HOSTPORT-DNAT',
    '-p tcp -m comment --comment "dnat name: \\"cbr0\\" id: \\"1234\\"" -m multiport --dports 80,443 -j CNI-DN-1234',
  );
  for (const source of [`-s ${nodeRange[version]}`, ...(version === 4 ? ['-s 127.0.0.1/32'] : [])])
    tables.append('nat', 'CNI-DN-1234', `${source} -p tcp -m tcp --dport 80 -j CNI-HOSTPORT-SETMARK`);
  tables.append(
    'nat',
    'CNI-DN-1234',
    `-p tcp -m tcp --dport 80 -j DNAT --to-destination ${target(pod, 8080)}`,
  );
}
