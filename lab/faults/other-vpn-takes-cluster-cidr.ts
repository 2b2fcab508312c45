// A VPN that is not Tailscale takes the cluster’s networks.
import { changeMachine } from '../fault.ts';
import { widen } from '../tailnet-routes.ts';
import type { LabFault } from '../fault.ts';

/**
 * Makes the TUN device (TUNSETIFF with IFF_TUN | IFF_NO_PI) and reads and forgets what comes, as a VPN does whose far end
 * does not want it. A device that nobody holds open would have no carrier, which a real VPN's has. Perl, because Node
 * has no ioctl and every Debian has Perl.
 */
const holdTun = `open(my $tun, "+<", "/dev/net/tun") or die "no tun: $!";
ioctl($tun, 0x400454ca, pack("Z16s", "wg-corp", 0x1001)) or die "no device: $!";
1 while sysread($tun, my $packet, 65536);`;

export const otherVpnTakesClusterCidr: LabFault = {
  name: 'other-vpn-takes-cluster-cidr',
  title: 'a corporate VPN on node-2 takes the pod and service networks by a rule of its own',
  description:
    'Somebody connected node-2 to the company’s VPN, whose client routes the company’s /8 by a rule and a table of its own. The cluster’s networks lie inside it; nobody at the other end answers.',
  expected: [{ code: 'vpn-route-takes-cluster-cidr', layer: 'kernel-route', subjects: ['node/node-2'] }],
  make: async (ground) => {
    const machine = ground.machines.get('node-2');
    machine?.start(['perl', '-e', holdTun]);
    await changeMachine(ground, 'node-2', [
      // The program makes the device; where it cannot, a device without a program drops what it gets all the same.
      'for i in 1 2 3 4 5 6 7 8 9 10; do [ -e /sys/class/net/wg-corp ] && break; sleep 0.05; done',
      '[ -e /sys/class/net/wg-corp ] || ip tuntap add wg-corp mode tun',
      'ip addr add 172.29.0.5/32 dev wg-corp',
      'ip link set wg-corp mtu 1420 up',
      `ip route add ${widen(ground.plan.options.clusterCidr)} dev wg-corp table 1000`,
      'ip rule add priority 1000 lookup 1000',
    ]);
  },
};
