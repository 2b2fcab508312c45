// A provider's name server in Tailscale's range, with an exception.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';
import { cgnatResolver, useProviderResolver } from '../provider-resolver.ts';

export const cgnatResolverAccepted: LabFault = {
  name: 'cgnat-resolver-accepted',
  title:
    'the provider’s name server has an address of 100.64.0.0/10 (nothing breaks: a rule accepts it first)',
  description:
    'The same name server as in ts-input-drops-cgnat. On every machine a rule above ts-input accepts what comes from it.',
  expected: [],
  twinOf: 'ts-input-drops-cgnat',
  signature: () => undefined,
  changePlan: (plan) => ({ ...plan, outsiders: [...plan.outsiders, cgnatResolver] }),
  make: async (ground) => {
    await useProviderResolver(ground, cgnatResolver.ip);
    const accept = `iptables -I INPUT 1 -s ${cgnatResolver.ip}/32 -j ACCEPT`;
    const machines = [...ground.plan.nodes, ...ground.plan.hosts];
    await Promise.all(machines.map(({ name }) => changeMachine(ground, name, [accept])));
  },
};
