// What `tailscale` would answer on a member of a tailnet made by hand: `status --json`, `debug prefs`, `debug netmap` and
// the rest that a collector asks for, in the shape of tailscale 1.102.3. In go the members, out come the answers by
// command line. Keys are pseudonyms of names; the version ends in "-by-hand", so that nobody takes it for the real one.
import { createHash } from 'node:crypto';
import type { JoinedMember } from './tailnet-table.ts';
import { primaryRoutes } from './tailnet-table.ts';

export interface RecordedTailnet {
  readonly members: readonly JoinedMember[];
  readonly tailnetName: string;
  readonly magicDnsSuffix: string;
  readonly controlUrl: string;
  /** When the members joined, RFC 3339. */
  readonly startedAt: string;
  readonly port: number;
}

const version = '1.102.3-by-hand';
const capabilityVersion = 142;
const userId = 123;
const zeroTime = '0001-01-01T00:00:00Z';

/** By what follows `tailscale` on the command line. */
export function recordAnswers(tailnet: RecordedTailnet, self: JoinedMember): ReadonlyMap<string, string> {
  const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  const advertised = self.advertiseRoutes.length;
  const approved = primaryRoutes(tailnet.members, self).length;
  const names = { short: version, long: version, daemonLong: version };
  return new Map([
    ['version --json', json({ majorMinorPatch: '1.102.3', ...names, cap: capabilityVersion })],
    ['status --json', json(recordStatus(tailnet, self))],
    ['status', [self, ...peersOf(tailnet, self)].map((member) => statusLine(member)).join('')],
    ['debug prefs', json(recordPrefs(tailnet, self))],
    ['debug netmap', json(recordNetmap(tailnet, self))],
    ['serve status --json', json({})],
    [
      'lock status --json',
      json({ SchemaVersion: '1', Enabled: false, NodeKey: nodeKey(self), PublicKey: key('tlpub', self) }),
    ],
    ['metrics print', `tailscaled_advertised_routes ${advertised}\ntailscaled_approved_routes ${approved}\n`],
    ['ip', `${self.addresses.ipv4}\n${self.addresses.ipv6}\n`],
    ['ip -4', `${self.addresses.ipv4}\n`],
  ]);
}

function statusLine({ addresses, machine }: JoinedMember): string {
  return `${addresses.ipv4}  ${machine.name}  owner@  linux  -  \n`;
}

function peersOf(tailnet: RecordedTailnet, self: JoinedMember): JoinedMember[] {
  return tailnet.members.filter((member) => member !== self);
}

function recordStatus(tailnet: RecordedTailnet, self: JoinedMember): unknown {
  const { magicDnsSuffix, tailnetName } = tailnet;
  const peers = peersOf(tailnet, self);
  return {
    Version: version,
    TUN: true,
    BackendState: 'Running',
    HaveNodeKey: true,
    AuthURL: '',
    TailscaleIPs: [self.addresses.ipv4, self.addresses.ipv6],
    Self: {
      ...recordStatusPeer(tailnet, self),
      Addrs: [`${self.machine.lanAddress}:${tailnet.port}`],
      InMagicSock: false,
    },
    Health: isDecliningRoutes(tailnet, self) ? [declinedRoutes] : [],
    MagicDNSSuffix: magicDnsSuffix,
    CurrentTailnet: { Name: tailnetName, MagicDNSSuffix: magicDnsSuffix, MagicDNSEnabled: true },
    CertDomains: null,
    ExtraRecords: null,
    Peer: Object.fromEntries(peers.map((peer) => [nodeKey(peer), recordStatusPeer(tailnet, peer)])),
    User: { [userId]: recordUser(tailnet) },
    ClientVersion: null,
  };
}

/** The one health message that a healthy lab shows (tailscale 1.102.3, health/healthmsg). */
const declinedRoutes = 'Some peers are advertising routes but --accept-routes is false';

function isDecliningRoutes(tailnet: RecordedTailnet, self: JoinedMember): boolean {
  const routes = peersOf(tailnet, self).flatMap((peer) => primaryRoutes(tailnet.members, peer));
  return !self.acceptRoutes && routes.length > 0;
}

function recordStatusPeer(tailnet: RecordedTailnet, member: JoinedMember): Record<string, unknown> {
  const routes = primaryRoutes(tailnet.members, member);
  const { ipv4, ipv6 } = member.addresses;
  return {
    ID: stableId(tailnet, member),
    NodeID: nodeId(tailnet, member),
    PublicKey: nodeKey(member),
    HostName: member.machine.name,
    DNSName: `${member.machine.name}.${tailnet.magicDnsSuffix}.`,
    OS: 'linux',
    UserID: userId,
    TailscaleIPs: [ipv4, ipv6],
    AllowedIPs: [...ownPrefixes(member), ...routes],
    ...(routes.length > 0 ? { PrimaryRoutes: routes } : {}),
    Addrs: null,
    CurAddr: '',
    Relay: '',
    PeerRelay: '',
    RxBytes: 0,
    TxBytes: 0,
    Created: tailnet.startedAt,
    LastWrite: zeroTime,
    LastSeen: zeroTime,
    LastHandshake: zeroTime,
    Online: true,
    ExitNode: false,
    ExitNodeOption: false,
    Active: false,
    TaildropTarget: 0,
    NoFileSharingReason: '',
    InNetworkMap: true,
    InMagicSock: true,
    InEngine: false,
  };
}

function recordPrefs(tailnet: RecordedTailnet, self: JoinedMember): unknown {
  return {
    ControlURL: tailnet.controlUrl,
    RouteAll: self.acceptRoutes,
    ExitNodeID: '',
    ExitNodeIP: '',
    InternalExitNodePrior: '',
    ExitNodeAllowLANAccess: false,
    CorpDNS: false,
    RunSSH: false,
    RunWebClient: false,
    WantRunning: true,
    LoggedOut: false,
    ShieldsUp: false,
    AdvertiseTags: null,
    Hostname: self.machine.name,
    NotepadURLs: false,
    AdvertiseRoutes: self.advertiseRoutes.length > 0 ? self.advertiseRoutes : null,
    AdvertiseServices: null,
    Sync: null,
    NoSNAT: false,
    NoStatefulFiltering: true,
    NetfilterMode: 2,
    AutoUpdate: { Check: true, Apply: null },
    AppConnector: { Advertise: false },
    PostureChecking: false,
    NetfilterKind: '',
    RemoteConfig: false,
    DriveShares: null,
    Config: { UserProfile: recordUser(tailnet), NodeID: stableId(tailnet, self) },
  };
}

function recordNetmap(tailnet: RecordedTailnet, self: JoinedMember): unknown {
  const everyPort = { First: 0, Last: 65_535 };
  const everywhere = ['0.0.0.0/0', '::/0'];
  const peers = peersOf(tailnet, self);
  return {
    AllCaps: [],
    Cached: false,
    CollectServices: true,
    DNS: { Domains: [tailnet.magicDnsSuffix], Proxied: true },
    DisplayMessages: null,
    Domain: tailnet.tailnetName,
    DomainAuditLogID: '',
    MachineKey: key('mkey', self),
    NodeKey: nodeKey(self),
    PacketFilter: [
      {
        Caps: [],
        Dsts: everywhere.map((net) => ({ Net: net, Ports: everyPort })),
        IPProto: [6, 17, 1, 58],
        SrcCaps: null,
        Srcs: everywhere,
      },
    ],
    PacketFilterRules: [{ DstPorts: [{ IP: '*', Ports: everyPort }], SrcIPs: ['*'] }],
    Peers: peers.map((peer) => recordNetmapNode(tailnet, peer)),
    SSHPolicy: null,
    SelfNode: recordNetmapNode(tailnet, self),
    TKAEnabled: false,
    UserProfiles: { [userId]: recordUser(tailnet) },
  };
}

function recordNetmapNode(tailnet: RecordedTailnet, member: JoinedMember): unknown {
  const { name, lanAddress } = member.machine;
  const routes = primaryRoutes(tailnet.members, member);
  const advertised = member.advertiseRoutes;
  return {
    Addresses: ownPrefixes(member),
    AllowedIPs: [...ownPrefixes(member), ...routes],
    Cap: capabilityVersion,
    ComputedName: name,
    ComputedNameWithHost: name,
    Created: tailnet.startedAt,
    DiscoKey: key('discokey', member),
    Endpoints: [`${lanAddress}:${tailnet.port}`],
    Hostinfo: {
      Hostname: name,
      IPNVersion: version,
      OS: 'linux',
      ...(advertised.length > 0 ? { RoutableIPs: advertised } : {}),
      Userspace: false,
      UserspaceRouter: false,
    },
    ID: nodeId(tailnet, member),
    Key: nodeKey(member),
    Machine: key('mkey', member),
    MachineAuthorized: true,
    Name: `${name}.${tailnet.magicDnsSuffix}.`,
    Online: true,
    ...(routes.length > 0 ? { PrimaryRoutes: routes } : {}),
    StableID: stableId(tailnet, member),
    User: userId,
  };
}

function recordUser(tailnet: RecordedTailnet): unknown {
  return { ID: userId, LoginName: `owner@${tailnet.tailnetName}`, DisplayName: `User ${userId}` };
}

function ownPrefixes(member: JoinedMember): string[] {
  return [`${member.addresses.ipv4}/32`, `${member.addresses.ipv6}/128`];
}

function nodeId(tailnet: RecordedTailnet, member: JoinedMember): number {
  return tailnet.members.indexOf(member) + 1;
}

function stableId(tailnet: RecordedTailnet, member: JoinedMember): string {
  return `BYHAND${String(nodeId(tailnet, member)).padStart(8, '0')}`;
}

function nodeKey(member: JoinedMember): string {
  return key('nodekey', member);
}

function key(kind: string, member: JoinedMember): string {
  return `${kind}:${createHash('sha256').update(`${kind} ${member.machine.name}`).digest('hex')}`;
}
