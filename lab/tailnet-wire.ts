// The wire between tailnet members where tailscaled isn't there to be it: a small program that makes tailscale0, a TUN
// device, and carries what goes in to the member it is for. In go a machine and who may have which addresses, out comes
// the running wire. It treats packets as WireGuard does (wireguard-go, device/allowedips.go): out by longest prefix of
// the destination, in only from the peer that owns the source, the rest vanishes without a word. Nothing is encrypted.
// Perl, since a TUN device takes an ioctl, which Node cannot make; every Debian and Ubuntu has it.
import { createInterface } from 'node:readline';
import type { LabMachine, LabProcess } from './machine.ts';

export interface WirePeer {
  readonly lanAddress: string;
  /** What may come from it, and is sent to it. */
  readonly allowed: readonly string[];
}

export interface Wire {
  readonly setPeers: (peers: readonly WirePeer[]) => void;
}

const wireProgram = String.raw`use strict; use warnings; use Socket qw(:DEFAULT inet_pton);
my ($device, $port) = @ARGV;
open(my $tun, '+<:raw', '/dev/net/tun') or die "cannot open /dev/net/tun: $!\n";
# TUNSETIFF with IFF_TUN and IFF_NO_PI
ioctl($tun, 0x400454ca, pack('a16 S x22', $device, 0x1001)) or die "cannot make $device: $!\n";
socket(my $udp, PF_INET, SOCK_DGRAM, 0) or die "cannot open a socket: $!\n";
# SO_MARK: the wire's own packets pass by table 52, as tailscaled's do
setsockopt($udp, SOL_SOCKET, 36, pack('i', 0x80000)) or die "cannot mark packets: $!\n";
bind($udp, sockaddr_in($port, INADDR_ANY)) or die "cannot listen on port $port: $!\n";
$| = 1;
print "ready\n";
my (@routes, @next, $wishes);
sub owner {
  my ($address) = @_;
  my $bits = unpack('B*', $address);
  for my $route (@routes) {
    my ($prefix, $size, $peer) = @$route;
    return $peer if $size == length $address and substr($bits, 0, length $prefix) eq $prefix;
  }
  return '';
}
sub accept_line {
  my ($word, $peer, @prefixes) = split ' ', shift;
  if ($word eq 'end') {
    @routes = sort { length $b->[0] <=> length $a->[0] } @next;
    @next = ();
    return;
  }
  for (@prefixes) {
    my ($text, $length) = split '/';
    my $address = inet_pton($text =~ /:/ ? AF_INET6 : AF_INET, $text);
    push @next, [unpack("B$length", $address), length $address, inet_aton($peer)];
  }
}
$wishes = '';
while (1) {
  my $ready = '';
  vec($ready, fileno $_, 1) = 1 for $tun, $udp, *STDIN;
  select($ready, undef, undef, undef) > 0 or next;
  if (vec($ready, fileno STDIN, 1)) {
    sysread(STDIN, $wishes, 65536, length $wishes) or exit 0;
    accept_line($1) while $wishes =~ s/^(.*)\n//;
  }
  if (vec($ready, fileno $tun, 1) and sysread($tun, my $packet, 65536)) {
    my $peer = owner(ord($packet) >> 4 == 6 ? substr($packet, 24, 16) : substr($packet, 16, 4));
    send($udp, $packet, 0, sockaddr_in($port, $peer)) if $peer ne '';
  }
  if (vec($ready, fileno $udp, 1) and my $from = recv($udp, my $packet, 65536, 0)) {
    my $peer = owner(ord($packet) >> 4 == 6 ? substr($packet, 8, 16) : substr($packet, 12, 4));
    syswrite($tun, $packet) if $peer eq (sockaddr_in($from))[1];
  }
}`;

/** Resolves when tailscale0 is there; it has no address yet, and without peers everything sent into it is lost. */
export async function startWire(machine: LabMachine, port: number): Promise<Wire> {
  const wire = machine.start(['perl', '-e', wireProgram, 'tailscale0', String(port)]);
  const line = await firstLine(wire);
  if (line !== 'ready') {
    throw new Error(
      `tailscale0 could not be made on ${machine.name}: ${wire.errorText().trim() || 'perl did not start'}`,
    );
  }
  return {
    setPeers: (peers) => {
      const lines = peers.map((peer) => `peer ${peer.lanAddress} ${peer.allowed.join(' ')}`);
      wire.input.write(`${[...lines, 'end'].join('\n')}\n`);
    },
  };
}

function firstLine(wire: LabProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    const lines = createInterface({ input: wire.output });
    lines.once('line', resolve).once('close', () => resolve(undefined));
    void wire.exited.then(() => resolve(undefined));
  });
}
