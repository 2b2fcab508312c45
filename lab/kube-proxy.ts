// What kube-proxy 1.36 writes, chosen by its mode: all of a node's rules, or what changes when endpoints change. In go
// Services with their ready endpoints and the node, out come commands' input: text for iptables-restore or for nft.
// The nfacct match counts in an object that must exist before; kube-proxy makes it through netlink and leaves the match
// out where the kernel refuses, and so does the script that feeds the text in.
import { renderIptablesUpdate } from './kube-proxy-iptables.ts';
import { renderNftablesProxy } from './kube-proxy-nftables.ts';
import type { LabMachine, RunResult } from './machine.ts';
import type { ProxyMode } from './planned.ts';
import type { ProxyNode } from './proxy-node.ts';
import type { ProxiedPort } from './service-endpoints.ts';

/** Everything that a kube-proxy that hangs would not do. */
export function updateServices(
  machine: LabMachine,
  mode: ProxyMode,
  node: ProxyNode,
  change: { readonly before: readonly ProxiedPort[]; readonly after: readonly ProxiedPort[] },
): Promise<RunResult> {
  if (mode === 'nftables')
    return machine.run(['nft', '-f', '-'], { input: renderNftablesProxy(change.after, node) });
  return machine.run(['sh', '-c', restoreCommand('iptables-restore --noflush')], {
    input: renderIptablesUpdate(change.before, change.after, node),
  });
}

/** Shell that feeds its input to iptables-restore: with the counters where the kernel has them, else without. */
export function restoreCommand(restore: string): string {
  const without = `sed 's/ -m nfacct --nfacct-name  *[a-z_]*//'`;
  return `if [ -e ${countersMade} ]; then ${restore}; else ${without} | ${restore}; fi`;
}

const countersMade = '/run/lab-nfacct';

/** NFNL_MSG_ACCT_NEW for each name (linux/netfilter/nfnetlink_acct.h): there is a tool, but few machines have it. */
const makeCounters = String.raw`use Socket;
socket(my $socket, 16, SOCK_RAW, 12) or exit 1;
for my $name (@ARGV) {
  my $text = "$name\0";
  my $padding = "\0" x (-length($text) % 4);
  my $body = pack('CCn', 0, 0, 0) . pack('SS', 4 + length $text, 1) . $text . $padding;
  $body .= pack('SS', 12, $_) . ("\0" x 8) for 2, 3;
  my $message = pack('LSSLL', 16 + length $body, (7 << 8), 0x405, 1, 0) . $body;
  send($socket, $message, 0, pack('SSLL', 16, 0, 0, 0)) or exit 1;
  recv($socket, my $answer, 4096, 0);
  my $code = unpack('x16 l', $answer);
  exit 1 if $code != 0 and $code != -17;
}`;

/** Runs once on a node, before any rules. */
export const countersScript = `perl -e '${makeCounters.replaceAll("'", `'"'"'`)}' ct_state_invalid_dropped_pkts localhost_nps_accepted_pkts && : >${countersMade} || :`;
