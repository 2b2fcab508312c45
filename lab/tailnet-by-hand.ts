// A tailnet without Tailscale, for machines where its programs cannot be built: the rules, routes and chains that
// tailscaled 1.102 writes, set by hand, and a router that treats packets as WireGuard does (a peer's packet counts only
// with a source that is the peer's own or that it advertises; the rest vanishes without a word). In goes who accepts
// and advertises what, out comes a tailnet that can be changed. tailscale0 is one end of a cable here, not a TUN, and
// there is no control server, so nothing in a bundle says who advertises a prefix.
import { expectSuccess } from './machine.ts';
import { deriveMac } from './derived-names.ts';
import { readLines } from './agent-protocol.ts';
import type { LabMachine } from './machine.ts';
import type { StartTailnet, TailnetMember, TailnetRequest } from './tailnet-request.ts';

interface Member extends TailnetMember {
  readonly address: string;
  /** The other end of the member's tailscale0. */
  readonly port: string;
}

export const startTailnetByHand: StartTailnet = async (request) => {
  const enterRouter = await startRouter(request.lan);
  const members = request.members.map((member, at) => ({
    ...member,
    address: `100.64.0.${at + 1}`,
    port: `ts-${at + 1}`,
  }));
  await Promise.all(members.map((member) => connectMember(request, member, enterRouter.pid)));
  await writeRoutes(members, enterRouter.run);
  return {
    kind: 'by-hand',
    addresses: new Map(members.map((member) => [member.machine.name, member.address])),
    change: async (machineName, change) => {
      const at = members.findIndex((member) => member.machine.name === machineName);
      const member = members[at];
      if (member === undefined) throw new Error(`${machineName} is not in the lab's tailnet`);
      members[at] = { ...member, ...change };
      await writeRoutes(members, enterRouter.run);
    },
  };
};

interface Router {
  readonly pid: number;
  readonly run: (script: string) => Promise<void>;
}

/** A network namespace of its own, held by a process of the supervisor's pid namespace. */
async function startRouter(lan: LabMachine): Promise<Router> {
  const holder = lan.start(['unshare', '-n', 'sh', '-c', 'echo $$; exec sleep infinity']);
  const pid = await new Promise<number>((resolve) => {
    void readLines(holder.output, (line) => resolve(Number(line)));
  });
  const run = async (script: string): Promise<void> => {
    const result = await lan.run(['nsenter', '-t', String(pid), '-n', 'sh', '-e'], { input: script });
    expectSuccess(result, 'writing the routes between tailnet members');
  };
  await run(`ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter
echo 0 > /proc/sys/net/ipv4/conf/default/rp_filter`);
  return { pid, run };
}

/** Both ends of the cable have one MAC address and no ARP, so that it carries bare IP packets as a TUN does. */
async function connectMember(request: TailnetRequest, member: Member, routerPid: number): Promise<void> {
  const mac = deriveMac(`tailscale0 ${member.machine.name}`);
  const cable = `ip link add ${member.port} mtu 1280 address ${mac} netns ${routerPid} type veth peer name tailscale0 mtu 1280 address ${mac} netns ${member.machine.pid}`;
  const router = `nsenter -t ${routerPid} -n ip link set ${member.port} arp off up`;
  expectSuccess(
    await request.lan.run(['sh', '-e'], { input: `${cable}\n${router}\n` }),
    `connecting ${member.machine.name} to the tailnet`,
  );
  expectSuccess(
    await member.machine.run(['sh', '-e'], { input: memberScript(member.address) }),
    `setting up tailscale0 on ${member.machine.name}`,
  );
}

function memberScript(address: string): string {
  const jumps = ['filter INPUT ts-input', 'filter FORWARD ts-forward', 'nat POSTROUTING ts-postrouting'].map(
    (line) => {
      const [table = '', hook = '', chain = ''] = line.split(' ');
      return `iptables -t ${table} -I ${hook} 1 -j ${chain}`;
    },
  );
  return `ip link set tailscale0 arp off up
ip addr add ${address}/32 dev tailscale0
echo 1 > /proc/sys/net/ipv4/conf/all/src_valid_mark
ip -batch - <<'END-OF-BATCH'
rule add fwmark 0x80000/0xff0000 lookup main priority 5210
rule add fwmark 0x80000/0xff0000 lookup default priority 5230
rule add fwmark 0x80000/0xff0000 unreachable priority 5250
rule add lookup 52 priority 5270
END-OF-BATCH
iptables-restore --noflush <<'END-OF-TABLES'
*filter
:ts-forward - [0:0]
:ts-input - [0:0]
-A ts-forward -i tailscale0 -j MARK --set-xmark 0x40000/0xff0000
-A ts-forward -m mark --mark 0x40000/0xff0000 -j ACCEPT
-A ts-forward -s 100.64.0.0/10 -o tailscale0 -j DROP
-A ts-forward -o tailscale0 -j ACCEPT
-A ts-input -s ${address}/32 -i lo -j ACCEPT
-A ts-input -i tailscale0 -j ACCEPT
-A ts-input -p udp -m udp --dport 41641 -j ACCEPT
-A ts-input -s 100.115.92.0/23 ! -i tailscale0 -j RETURN
-A ts-input -s 100.64.0.0/10 ! -i tailscale0 -j DROP
COMMIT
*nat
:ts-postrouting - [0:0]
-A ts-postrouting -m mark --mark 0x40000/0xff0000 -j MASQUERADE
COMMIT
END-OF-TABLES
${jumps.join('\n')}
`;
}

/** Table 52 of every member, and the router's routes and source checks. */
async function writeRoutes(members: readonly Member[], runRouter: Router['run']): Promise<void> {
  const prefixesOf = (member: Member): string[] => [`${member.address}/32`, ...member.advertiseRoutes];
  const checks = members.map((member) => {
    const own = prefixesOf(member).map((prefix) => `-A ${member.port} -s ${prefix} -j ACCEPT`);
    return [
      `:${member.port} - [0:0]`,
      ...own,
      `-A ${member.port} -j DROP`,
      `-A FORWARD -i ${member.port} -j ${member.port}`,
    ];
  });
  const declared = checks.map(([declaration]) => declaration ?? '');
  await runRouter(`ip -batch - <<'END-OF-BATCH'
${members.flatMap((member) => prefixesOf(member).map((prefix) => `route replace ${prefix} dev ${member.port}`)).join('\n')}
END-OF-BATCH
iptables-restore <<'END-OF-TABLES'
*filter
:FORWARD ACCEPT [0:0]
${declared.join('\n')}
${checks.flatMap((lines) => lines.slice(1)).join('\n')}
COMMIT
END-OF-TABLES`);
  await Promise.all(
    members.map(async (member) => {
      const others = members.filter((other) => other !== member);
      const prefixes = [
        '100.100.100.100/32',
        ...others.flatMap((other) => [
          `${other.address}/32`,
          ...(member.acceptRoutes ? other.advertiseRoutes : []),
        ]),
      ];
      const script = `ip route flush table 52 2>/dev/null || :
ip -batch - <<'END-OF-BATCH'
${[...new Set(prefixes)].map((prefix) => `route add ${prefix} dev tailscale0 table 52`).join('\n')}
END-OF-BATCH`;
      expectSuccess(
        await member.machine.run(['sh', '-e'], { input: script }),
        `writing table 52 of ${member.machine.name}`,
      );
    }),
  );
}
