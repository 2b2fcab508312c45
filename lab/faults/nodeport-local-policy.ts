// A NodePort that only some nodes answer.
import type { LabFault } from '../fault.ts';
import type { LabPlan } from '../planned.ts';

function narrowLocalService(plan: LabPlan): LabPlan {
  return {
    ...plan,
    services: plan.services.map((service) =>
      service.name === 'web-local'
        ? { ...service, namespace: 'swimto', name: 'frontend-local', selector: { app: 'frontend' } }
        : service,
    ),
  };
}

export const nodeportLocalPolicy: LabFault = {
  name: 'nodeport-local-policy',
  title:
    'clients use the NodePort of a Service with externalTrafficPolicy Local on nodes where it has no pod',
  description:
    'The frontend is published by a NodePort with externalTrafficPolicy Local, so that it sees its clients’ addresses. It has one pod, on node-1. Every other node drops what comes to that port from outside; a pod that uses its own node’s address, and the node itself, get through.',
  expected: [{ layer: 'kube-object', subjects: ['service/swimto/frontend-local'] }],
  signature: ({ from, kind, entry, to }) => {
    if (kind !== 'nodeport' || to !== 'swimto/frontend-local' || entry === 'node-1') return undefined;
    return from.node === entry ? undefined : 'timeout';
  },
  changePlan: narrowLocalService,
};
