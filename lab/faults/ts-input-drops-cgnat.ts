// A provider's name server with an address of Tailscale's range.
import type { LabFault } from '../fault.ts';
import { cgnatResolver, useProviderResolver } from '../provider-resolver.ts';

export const tsInputDropsCgnat: LabFault = {
  name: 'ts-input-drops-cgnat',
  title:
    'Tailscale’s rules drop the answers of the provider’s name server, whose address is in 100.64.0.0/10',
  description:
    'The provider’s own services have addresses of 100.64.0.0/10, as at Alibaba Cloud. ts-input drops everything from that range that does not come in by tailscale0: the nodes’ queries get out and the answers are dropped on every node. Pods that ask it directly get their answer, because theirs are forwarded and never see INPUT. The machine that has the address here runs Tailscale as well and cannot ask itself.',
  expected: [{ layer: 'netfilter', subjects: ['node/node-1', 'node/node-2', 'node/node-3'] }],
  signature: ({ from, to }) => (to === cgnatResolver.name && from.kind !== 'pod' ? 'timeout' : undefined),
  changePlan: (plan) => ({ ...plan, outsiders: [...plan.outsiders, cgnatResolver] }),
  make: (ground) => useProviderResolver(ground, cgnatResolver.ip),
};
