// An egress policy that forgot names.
import type { LabFault } from '../fault.ts';
import { addPolicies } from '../plan-changes.ts';
import type { PlannedPolicy } from '../planned.ts';

const toDatabase = {
  peers: [{ namespace: 'swimto', labels: { app: 'postgres' } }],
  ports: [{ protocol: 'tcp', port: 5432 }],
} as const;
const toNames = {
  peers: [{ namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } }],
  ports: [
    { protocol: 'udp', port: 53 },
    { protocol: 'tcp', port: 53 },
  ],
} as const;

const applicationEgress = (rules: PlannedPolicy['egress']): PlannedPolicy => ({
  namespace: 'swimto',
  name: 'api-egress',
  selector: { app: 'api' },
  ...(rules === undefined ? {} : { egress: rules }),
});

export const policyBlocksDns: LabFault = {
  name: 'policy-blocks-dns',
  title: 'a NetworkPolicy lets the application reach its database and forgets DNS',
  description:
    'Whoever wrote the egress policy of the application thought of the database and not of its name. Queries are refused at once, and the application cannot translate the name of the Service that it may reach.',
  expected: [{ layer: 'kube-object', subjects: ['networkpolicy/swimto/api-egress'] }],
  signature: ({ from }, { pod }) => {
    if (!from.name.startsWith('swimto/api-')) return undefined;
    return pod?.startsWith('swimto/postgres-') === true ? undefined : 'refused';
  },
  changePlan: (plan) => addPolicies(plan, applicationEgress([toDatabase])),
};

export const policyAllowsDns: LabFault = {
  name: 'policy-allows-dns',
  title:
    'a NetworkPolicy lets the application reach its database and DNS (nothing breaks that is meant to work)',
  description: 'The egress policy of policy-blocks-dns with the rule that was missing there.',
  expected: [],
  twinOf: 'policy-blocks-dns',
  signature: ({ from }, { pod }) => {
    if (!from.name.startsWith('swimto/api-')) return undefined;
    const isAllowed =
      pod?.startsWith('swimto/postgres-') === true || pod?.startsWith('kube-system/coredns-') === true;
    return isAllowed ? undefined : 'refused';
  },
  changePlan: (plan) => addPolicies(plan, applicationEgress([toDatabase, toNames])),
};
