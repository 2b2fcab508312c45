// Puts machines of a world into a tailnet, as tailscale 1.102 leaves them: device, rules 5210 to 5270, table 52, and what
// `tailscale status --json`, `debug prefs` and `debug netmap` print. A peer without a machine is outside the evidence.
import { addSettings, tunnelUp } from './make-world.ts';
import type { FilterDraft } from './filter-draft.ts';
import type { WorldNode } from './world.ts';

export interface TailnetMember {
  readonly name: string;
  readonly address: string;
  /** Its machine, where the evidence has it. */
  readonly machine?: WorldNode;
  readonly advertises?: readonly string[];
  readonly acceptsRoutes?: boolean;
}

export interface TailnetOptions {
  readonly device?: string;
  /** `status` and `netmap` and `prefs` files; without them nobody asked tailscaled. */
  readonly hasFiles?: boolean;
}

export const tailscaleRules: readonly string[] = [
  '5210:\tfrom all fwmark 0x80000/0xff0000 lookup main',
  '5230:\tfrom all fwmark 0x80000/0xff0000 lookup default',
  '5250:\tfrom all fwmark 0x80000/0xff0000 unreachable',
  '5270:\tfrom all lookup 52',
];

export function joinTailnet(members: readonly TailnetMember[], options: TailnetOptions = {}): void {
  for (const member of members) {
    if (member.machine !== undefined) connect(member.machine, member, { members, options });
  }
}

interface Tailnet {
  readonly members: readonly TailnetMember[];
  readonly options: TailnetOptions;
}

function connect(machine: WorldNode, self: TailnetMember, tailnet: Tailnet): void {
  const { device = 'tailscale0', hasFiles = true } = tailnet.options;
  const peers = tailnet.members.filter((member) => member !== self);
  machine.links.push({ name: device, kind: 'tun type tun pi off vnet_hdr on persist off', flags: tunnelUp });
  addSettings(machine, device);
  machine.addresses.push({ link: device, address: `${self.address}/32` });
  machine.rules4.push(...tailscaleRules);
  machine.routes4.push(...peers.map((peer) => `${peer.address} dev ${device} table 52`));
  machine.routes4.push(`100.100.100.100 dev ${device} table 52`);
  if (self.acceptsRoutes === true)
    machine.routes4.push(
      ...peers.flatMap((peer) => (peer.advertises ?? []).map((prefix) => `${prefix} dev ${device} table 52`)),
    );
  machine.filterEdits.push((draft) => writeTailscale(draft, self.address, device));
  if (!hasFiles) return;
  machine.files.set('tailscale-status.json', JSON.stringify(status(self, peers)));
  machine.files.set(
    'tailscale-prefs.json',
    JSON.stringify({
      RouteAll: self.acceptsRoutes === true,
      WantRunning: true,
      AdvertiseRoutes: self.advertises ?? null,
    }),
  );
  machine.files.set('tailscale-netmap.json', JSON.stringify(netmap()));
}

/** tailscaled's chains, with its jumps in front of everybody's. */
function writeTailscale({ filter, nat }: FilterDraft, own: string, device: string): void {
  filter.chains.push('ts-input', 'ts-forward');
  filter.rules.unshift('-A INPUT -j ts-input', '-A FORWARD -j ts-forward');
  filter.rules.push(
    `-A ts-input -s ${own}/32 -i lo -j ACCEPT`,
    `-A ts-input -i ${device} -j ACCEPT`,
    '-A ts-input -p udp -m udp --dport 41641 -j ACCEPT',
    `-A ts-input -s 100.115.92.0/23 ! -i ${device} -j RETURN`,
    `-A ts-input -s 100.64.0.0/10 ! -i ${device} -j DROP`,
    `-A ts-forward -i ${device} -j MARK --set-xmark 0x40000/0xff0000`,
    '-A ts-forward -m mark --mark 0x40000/0xff0000 -j ACCEPT',
    `-A ts-forward -s 100.64.0.0/10 -o ${device} -j DROP`,
    `-A ts-forward -o ${device} -j ACCEPT`,
  );
  nat.chains.push('ts-postrouting');
  nat.rules.unshift('-A POSTROUTING -j ts-postrouting');
  nat.rules.push('-A ts-postrouting -m mark --mark 0x40000/0xff0000 -j MASQUERADE');
}

function status(self: TailnetMember, peers: readonly TailnetMember[]): unknown {
  return {
    Version: '1.102.3',
    BackendState: 'Running',
    Self: entry(self),
    Peer: Object.fromEntries(peers.map((peer) => [`nodekey:${peer.name}`, entry(peer)])),
    MagicDNSSuffix: 'example.ts.net',
  };
}

function entry(member: TailnetMember): unknown {
  const routes = member.advertises ?? [];
  return {
    ID: `n${member.name}`,
    HostName: member.name,
    DNSName: `${member.name}.example.ts.net.`,
    TailscaleIPs: [member.address],
    AllowedIPs: [`${member.address}/32`, ...routes],
    ...(routes.length === 0 ? {} : { PrimaryRoutes: routes }),
    Online: true,
  };
}

function netmap(): unknown {
  const everyPort = { First: 0, Last: 65_535 };
  return {
    PacketFilter: [
      {
        Srcs: ['0.0.0.0/0', '::/0'],
        Dsts: [{ Net: '0.0.0.0/0', Ports: everyPort }],
        IPProto: [6, 17, 1, 58],
      },
    ],
  };
}
