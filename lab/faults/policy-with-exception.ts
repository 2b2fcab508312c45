// A policy that denies by default and lets in who should.
import type { LabFault } from '../fault.ts';
import { addPolicies, onlyApplicationToDatabase } from '../plan-changes.ts';
import { databaseOnly } from '../policy-signature.ts';

export const policyWithException: LabFault = {
  name: 'policy-with-exception',
  title:
    'a NetworkPolicy keeps everybody but the application from the database (nothing breaks that is meant to work)',
  description:
    'The database’s policy denies by default and lets in the application, on its port. Everybody else is refused, as the policy says.',
  expected: [],
  twinOf: 'masquerade-pod-to-pod',
  signature: databaseOnly(['api']),
  changePlan: (plan) => addPolicies(plan, onlyApplicationToDatabase),
};
