// A tailnet without Tailscale, for machines where its programs cannot be built: what tailscaled 1.102.3 writes into the
// kernel (rules, table 52, chains, sysctl), set by hand, over a wire that treats packets as WireGuard does, and a
// `tailscale` command that prints what the real one would. In goes who accepts and advertises what, out comes a tailnet
// that can be changed. Its command only answers; nobody repairs what is deleted, and there is no MagicDNS.
import { expectSuccess } from './machine.ts';
import type { LabMachine } from './machine.ts';
import { placePrograms } from './tailnet-command.ts';
import { magicDnsSuffix, magicsockPort, tailnetName } from './tailnet-real.ts';
import { recordAnswers } from './tailnet-recorded.ts';
import type { RecordedTailnet } from './tailnet-recorded.ts';
import type { StartTailnet } from './tailnet-request.ts';
import { expectTable, isIpv6, primaryRoutes, waitForTables } from './tailnet-table.ts';
import type { JoinedMember } from './tailnet-table.ts';
import { startWire } from './tailnet-wire.ts';
import type { Wire } from './tailnet-wire.ts';

/** Where a member's recorded answers stand, one file per command line, spaces as underscores. */
const answerFolder = '/run/lab-tailscale';

const tailscaleCommand = `#!/bin/sh
# Stands in for tailscale in a tailnet made by hand: prints what the real command would.
case $1 in --socket=*) shift ;; esac
answer=${answerFolder}/$(printf '%s' "$*" | tr ' ' _)
if [ -f "$answer" ]; then exec cat "$answer"; fi
echo "this tailnet was made by hand (npm run peers builds the real one); it has no answer to: tailscale $*" >&2
exit 1`;

export const startTailnetByHand: StartTailnet = async (request) => {
  const startedAt = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const controlUrl = `http://${request.lan.lanAddress}:9911`;
  const members: JoinedMember[] = request.members.map((member, at) => ({
    ...member,
    addresses: numberMember(at + 1),
  }));
  const wires = await Promise.all(members.map((member) => connectMember(member)));
  const apply = async (): Promise<void> => {
    const tailnet = { members, tailnetName, magicDnsSuffix, controlUrl, startedAt, port: magicsockPort };
    await Promise.all(members.map((member, at) => applyNetmap(tailnet, member, wires[at])));
    await waitForTables(members);
  };
  await apply();
  return {
    kind: 'by-hand',
    addresses: new Map(members.map((member) => [member.machine.name, member.addresses.ipv4])),
    change: async (name, change) => {
      const at = members.findIndex((candidate) => candidate.machine.name === name);
      const member = members[at];
      if (member === undefined) throw new Error(`${name} is not in the tailnet`);
      members[at] = { ...member, ...change };
      await apply();
    },
  };
};

/** The N-th member's addresses, IPv6 from IPv4 as net/tsaddr Tailscale4To6 does. */
function numberMember(n: number): JoinedMember['addresses'] {
  return { ipv4: `100.64.0.${n}`, ipv6: `fd7a:115c:a1e0:ab12:4843:cd96:6240:${n.toString(16)}` };
}

async function connectMember(member: JoinedMember): Promise<Wire> {
  const wire = await startWire(member.machine, magicsockPort);
  await placePrograms(member.machine, { tailscale: { script: tailscaleCommand } });
  await runScript(member.machine, kernelScript(member), 'writing the rules and chains of Tailscale');
  return wire;
}

/** Everything that depends on who else is there and what they advertise. */
async function applyNetmap(
  tailnet: RecordedTailnet,
  self: JoinedMember,
  wire: Wire | undefined,
): Promise<void> {
  const peers = tailnet.members.filter((member) => member !== self);
  wire?.setPeers(
    peers.map((peer) => ({
      lanAddress: peer.machine.lanAddress,
      allowed: [
        `${peer.addresses.ipv4}/32`,
        `${peer.addresses.ipv6}/128`,
        ...(self.acceptRoutes ? primaryRoutes(tailnet.members, peer) : []),
      ],
    })),
  );
  const table = expectTable(tailnet.members, self);
  const lines = (family: 4 | 6): string[] =>
    table
      .filter((route) => isIpv6(route) === (family === 6))
      .map((route) => `route add ${route} dev tailscale0 table 52${family === 4 ? ' scope global' : ''}`);
  const answers = [...recordAnswers(tailnet, self)].map(
    ([command, text]) =>
      `cat >${answerFolder}/${command.replaceAll(' ', '_')} <<'END-OF-ANSWER'\n${text}END-OF-ANSWER`,
  );
  const script = `mkdir -p ${answerFolder}
ip -4 route flush table 52 2>/dev/null || :
ip -6 route flush table 52 2>/dev/null || :
${batch('ip -4 -batch -', lines(4))}
${batch('ip -6 -batch -', lines(6))}
${answers.join('\n')}`;
  await runScript(self.machine, script, 'writing table 52');
}

/** What depends on nobody else: tailscale0's addresses, the rules, the chains (router_linux.go, linuxfw). */
function kernelScript({ addresses }: JoinedMember): string {
  const rules = [
    'rule add fwmark 0x80000/0xff0000 lookup main priority 5210 protocol unspec',
    'rule add fwmark 0x80000/0xff0000 lookup default priority 5230 protocol unspec',
    'rule add fwmark 0x80000/0xff0000 unreachable priority 5250 protocol unspec',
    'rule add lookup 52 priority 5270 protocol unspec',
  ];
  return `ip link set tailscale0 mtu 1280 up
ip addr add ${addresses.ipv4}/32 dev tailscale0
ip addr add ${addresses.ipv6}/128 dev tailscale0
${batch('ip -4 -batch -', rules)}
${batch('ip -6 -batch -', rules)}
echo 1 >/proc/sys/net/ipv4/conf/all/src_valid_mark
${batch('iptables-restore --noflush', chains(addresses.ipv4, 4))}
${batch('ip6tables-restore --noflush', chains(addresses.ipv6, 6))}`;
}

function chains(own: string, family: 4 | 6): string[] {
  const onlyIpv4 = (lines: readonly string[]): readonly string[] => (family === 4 ? lines : []);
  const host = family === 4 ? '/32' : '/128';
  return [
    '*mangle',
    '-A PREROUTING -m conntrack --ctstate RELATED,ESTABLISHED -m connmark ! --mark 0x0/0xff0000 -j CONNMARK --restore-mark --nfmask 0xff0000 --ctmask 0xff0000',
    '-A OUTPUT -m conntrack --ctstate NEW -m mark ! --mark 0x0/0xff0000 -j CONNMARK --save-mark --nfmask 0xff0000 --ctmask 0xff0000',
    'COMMIT',
    '*filter',
    ':ts-forward - [0:0]',
    ':ts-input - [0:0]',
    '-I INPUT 1 -j ts-input',
    '-I FORWARD 1 -j ts-forward',
    '-A ts-forward -i tailscale0 -j MARK --set-xmark 0x40000/0xff0000',
    '-A ts-forward -m mark --mark 0x40000/0xff0000 -j ACCEPT',
    ...onlyIpv4(['-A ts-forward -s 100.64.0.0/10 -o tailscale0 -j DROP']),
    '-A ts-forward -o tailscale0 -j ACCEPT',
    `-A ts-input -s ${own}${host} -i lo -j ACCEPT`,
    '-A ts-input -i tailscale0 -j ACCEPT',
    `-A ts-input -p udp -m udp --dport ${magicsockPort} -j ACCEPT`,
    ...onlyIpv4([
      '-A ts-input -s 100.115.92.0/23 ! -i tailscale0 -j RETURN',
      '-A ts-input -s 100.64.0.0/10 ! -i tailscale0 -j DROP',
    ]),
    'COMMIT',
    '*nat',
    ':ts-postrouting - [0:0]',
    '-I POSTROUTING 1 -j ts-postrouting',
    '-A ts-postrouting -m mark --mark 0x40000/0xff0000 -j MASQUERADE',
    'COMMIT',
  ];
}

function batch(command: string, lines: readonly string[]): string {
  return lines.length === 0 ? ':' : `${command} <<'END-OF-BATCH'\n${lines.join('\n')}\nEND-OF-BATCH`;
}

async function runScript(machine: LabMachine, script: string, what: string): Promise<void> {
  expectSuccess(await machine.run(['sh', '-e'], { input: script }), `${what} on ${machine.name}`);
}
