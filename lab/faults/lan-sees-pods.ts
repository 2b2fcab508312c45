// Pods' addresses on the LAN, and a way back to each.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';
import { showPodAddresses } from '../pod-addresses.ts';

export const lanSeesPods: LabFault = {
  name: 'lan-sees-pods',
  title:
    'the nodes do not masquerade what pods send to the LAN (nothing breaks: it has a route to every node’s pods)',
  description:
    'As in asymmetric-invalid, but pi-gateway has a route to each node’s pods by that node. Somebody’s probe has made node-1 count invalid packets all the same.',
  expected: [],
  twinOf: 'asymmetric-invalid',
  signature: () => undefined,
  make: async (ground) => {
    await showPodAddresses(ground);
    const pod = ground.plan.pods.find((candidate) => candidate.node === 'node-2');
    // An answer that nobody asked for, to a pod of another node, by way of node-1: a SYN-ACK.
    await changeMachine(ground, 'pi-gateway', [
      `ip route add ${pod?.address ?? ''}/32 via ${ground.plan.nodes[0]?.lanAddress ?? ''}`,
      sendSynAck(ground.plan.hosts[0]?.lanAddress ?? '', pod?.address ?? ''),
      `ip route del ${pod?.address ?? ''}/32`,
    ]);
  },
};

/** A TCP header with both flags and a checksum, sent through a raw socket; the kernel makes the IP header. */
function sendSynAck(from: string, to: string): string {
  return `perl -e 'use Socket;
socket(my $raw, PF_INET, SOCK_RAW, 6) or die $!;
my ($from, $to) = map { inet_aton($_) } @ARGV;
my $header = pack("nnNNCCnnn", 22, 40000, 1, 1, 0x50, 0x12, 1024, 0, 0);
my $sum = 0;
$sum += $_ for unpack("n*", $from . $to . pack("nn", 6, length $header) . $header);
$sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
substr($header, 16, 2) = pack("n", ~$sum & 0xffff);
send($raw, $header, 0, sockaddr_in(0, $to)) or die $!;' ${from} ${to}`;
}
