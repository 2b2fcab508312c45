// A resolver in a pod that asks for a name every few seconds, always from the same port. Its first query is translated to a
// server of the caller's choice, by a rule that is gone afterwards: what stays is the connection, as after a restart of
// CoreDNS. In go the pod, the port and who is asked first; the program goes on until the lab ends.
import { changeMachine } from './fault.ts';
import type { FaultGround } from './fault.ts';
import { podKey, podNetns } from './plan.ts';

export interface FixedPortClient {
  readonly pod: string;
  readonly sourcePort: number;
  readonly answeredBy: string;
}

/** SO_REUSEADDR, so that a probe may ask from the same port. The query: kubernetes.default.svc.cluster.local, A. */
const program = `use Socket;
my ($server, $port) = @ARGV;
socket(my $socket, PF_INET, SOCK_DGRAM, 17) or die $!;
setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1);
bind($socket, sockaddr_in($port, INADDR_ANY)) or die $!;
my $name = join "", map { pack("C/a*", $_) } qw(kubernetes default svc cluster local), "";
my $query = pack("n6", 7, 0x100, 1, 0, 0, 0) . $name . pack("nn", 1, 1);
$| = 1;
while (1) {
  send($socket, $query, 0, sockaddr_in(53, inet_aton($server)));
  print "asked\\n";
  sleep 3;
}`;

export async function keepAsking(ground: FaultGround, client: FixedPortClient): Promise<void> {
  const { plan, machines } = ground;
  const pod = plan.pods.find((candidate) => podKey(candidate) === client.pod);
  const service = plan.services.find((candidate) => candidate.name === 'kube-dns');
  const machine = pod === undefined ? undefined : machines.get(pod.node);
  if (pod === undefined || service === undefined || machine === undefined)
    throw new Error(`this fault needs ${client.pod}, which the lab has not`);
  const rule = `PREROUTING -s ${pod.address}/32 -d ${service.clusterIp}/32 -p udp --sport ${client.sourcePort} --dport 53 -j DNAT --to-destination ${client.answeredBy}:53`;
  await changeMachine(ground, pod.node, [`iptables -t nat -I ${rule}`]);
  const asking = machine.start([
    ...['ip', 'netns', 'exec', podNetns(pod), 'perl', '-e', program],
    ...[service.clusterIp, String(client.sourcePort)],
  ]);
  await Promise.race([new Promise((resolve) => asking.output.once('data', resolve)), asking.exited]);
  await changeMachine(ground, pod.node, [`iptables -t nat -D ${rule}`]);
}
