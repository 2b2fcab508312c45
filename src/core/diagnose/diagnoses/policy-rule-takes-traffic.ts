// Symptom  Some packets follow another table than everybody expects.
// Cause    A policy routing rule leads them there.
// Known by Removing that rule (and nothing else) makes the failing flows arrive.
// Repair   Remove or narrow the rule at whoever adds it.
import { joinNames, joinWords } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { formatRule } from '../../snapshot/format-routing.ts';

export const policyRuleTakesTraffic: CatalogueEntry = {
  text: {
    code: 'policy-rule-takes-traffic',
    layer: 'kernel-route',
    title: 'A policy routing rule leads cluster traffic astray',
    meaning:
      'Rules are asked by priority, and the first whose table has an answer wins. A rule for a mark, a source or a device that also fits the cluster’s packets (a full-tunnel VPN, a multi-homing script) takes them out of the main table.',
    howProved:
      'The failing flows are decided by this rule, and removing it alone makes them arrive on the model, both ways.',
    byHand: ['$ ip rule', '$ ip route show table TABLE', '$ ip rule del priority NUMBER'],
    sources: ['Linux 6.12, net/core/fib_rules.c'],
  },
  name: (group, world) => {
    const rules = group.changes.flatMap((change) => (change.kind === 'remove-rule' ? [change] : []));
    if (rules.length === 0 || rules.length !== group.changes.length) return undefined;
    const nodes = joinNames(group.namespaces);
    const texts = joinWords(rules.map((change) => formatRule(change.rule)));
    return {
      code: 'policy-rule-takes-traffic',
      layer: 'kernel-route',
      title: `The policy rule ${texts} on ${nodes} leads cluster traffic astray.`,
      explanation: `On ${nodes} the rule ${texts} decides before the main table is asked, and what it decides does not bring the packets to their destination.`,
      subjects: group.namespaces,
      elements: rules.map((change) => {
        const known = world.network.namespaces.get(change.namespace)?.facts.rules[change.rule.family];
        const text = formatRule(change.rule);
        const row = known?.known === true ? known.value.find((rule) => formatRule(rule) === text) : undefined;
        return {
          kind: 'rule',
          in: change.namespace,
          text,
          evidence: { ...(row?.evidence ?? { path: 'ip-rule' }), quote: text },
        };
      }),
    };
  },
};
