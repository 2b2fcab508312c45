// Symptom  Connections open from one side only, or hang after the first packet; a counter of dropped INVALID packets grows.
// Cause    Request and answer take different ways, and a machine that saw only the answer drops it as INVALID.
// Known by Making both take one way, or letting INVALID pass (and nothing else), makes the failing flows arrive.
// Repair   The route or rule that parts the ways; only where they must differ, the rule that drops INVALID.
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import type { CauseGroup } from '../cause-group.ts';
import type { CauseElement } from '../diagnosis.ts';
import { elementOfChange } from '../element-of-change.ts';
import { unfoldHops } from '../failing-way.ts';
import { dropsInvalid } from '../invalid-packets.ts';
import { listRemovedRules, quoteFirst, reasonOf } from './filter-changes.ts';
import { formatFilterRule } from '../../snapshot/format-filter.ts';
import type { Element, Journey } from '../../trace/flow.ts';

export const asymmetricReplyInvalid: CatalogueEntry = {
  text: {
    code: 'asymmetric-reply-invalid',
    layer: 'netfilter',
    title: 'An answer comes by a machine that did not see the request, and is dropped as INVALID',
    meaning:
      'Connection tracking knows a connection by its first packet. Where the answer passes a machine that the request did not pass, its SYN-ACK belongs to no known connection and counts as INVALID; kube-proxy, kube-router and many firewalls drop such packets. Nothing is wrong with the rule: request and answer take different ways, because of a policy rule, a second network card, or a route on one side only.',
    howProved:
      'The failing flows’ answers end at a rule that drops INVALID packets, and the change of the one route, rule or switch that parts the ways makes them arrive on the model, both ways.',
    byHand: [
      'Which way does the request take, and which the answer?',
      '$ ip route get 10.42.1.10 from 10.42.2.10 iif cni0',
      '$ conntrack -S',
      '$ iptables-save -c | grep INVALID',
      'Make both take one way. Where that cannot be, kube-proxy need not drop them:',
      '$ sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1',
    ],
    sources: [
      'Linux 6.12, net/netfilter/nf_conntrack_proto_tcp.c (a SYN-ACK does not begin a connection)',
      'kubernetes 1.36, pkg/proxy/iptables/proxier.go (KUBE-FORWARD drops INVALID unless tcp_be_liberal)',
    ],
  },
  name: (group, world) => {
    const isRule = reasonOf(group) === 'remove-invalid-drop' && listRemovedRules(group).length > 0;
    const isRoute = reasonOf(group) === 'add-return-route';
    const drops = listInvalidDrops(group);
    const isOther =
      drops.length > 0 && (group.broken ?? []).every(({ trace }) => endsInvalid(trace.journeys));
    if (!isRule && !isRoute && !isOther) return undefined;
    const elements = group.changes.map((change) => withoutQuote(elementOfChange(change, world)));
    const nodes = joinNames(group.namespaces);
    const where = joinNames([...new Set(drops.map((drop) => drop.namespace))].sort());
    const rule = drops[0] === undefined ? 'nobody there' : formatFilterRule(drops[0].rule);
    return {
      code: 'asymmetric-reply-invalid',
      layer: isRule ? 'netfilter' : 'kernel-route',
      title: describeTitle({ nodes, where, isRule, isRoute }),
      explanation: isRoute
        ? `${nodes} answers by another machine than the one that asked. Connection tracking there meets an answer to a question that it never saw: ${rule === 'nobody there' ? 'it is passed on changed' : `${rule} drops it`}. ${nodes} needs ${quoteFirst(elements)} for the way back.`
        : `Request and answer take different ways, so connection tracking on ${where} meets an answer to a request that it never saw, and ${rule} drops it.${isRule ? '' : ` What parts the ways is ${quoteFirst(elements)} on ${nodes}.`}`,
      subjects: group.namespaces,
      elements,
    };
  },
};

interface TitleParts {
  readonly nodes: string;
  readonly where: string;
  readonly isRule: boolean;
  readonly isRoute: boolean;
}

function describeTitle({ nodes, where, isRule, isRoute }: TitleParts): string {
  if (isRule) return `${nodes} drops answers to requests that it did not see.`;
  if (isRoute)
    return `${nodes} answers pods by a machine that did not see the question${where === '' ? '' : ` (${where})`}, which drops the answers.`;
  return `${nodes} sends packets by another way than their answers, and ${where} drops the answers as INVALID.`;
}

/** What is not there cannot be quoted. */
function withoutQuote(element: CauseElement): CauseElement {
  if (!element.kind.startsWith('missing-')) return element;
  const { path, at } = element.evidence;
  return { ...element, evidence: at === undefined ? { path } : { path, at } };
}

type RuleElement = Extract<Element, { kind: 'filter-rule' }>;

/** The rules that dropped INVALID packets on the failing flows' ways. */
function listInvalidDrops(group: CauseGroup): readonly RuleElement[] {
  return (group.broken ?? []).flatMap(({ trace }) => trace.journeys.flatMap(findInvalidDrops));
}

function endsInvalid(journeys: readonly Journey[]): boolean {
  return journeys.some((journey) => findInvalidDrops(journey).length > 0);
}

function findInvalidDrops(journey: Journey): readonly RuleElement[] {
  const last = unfoldHops(journey.hops).at(-1);
  const own = (last?.elements ?? []).flatMap((element) =>
    element.kind === 'filter-rule' && element.effect === 'drops' && dropsInvalid(element.rule.text)
      ? [element]
      : [],
  );
  return [...own, ...(journey.replies ?? []).flatMap(findInvalidDrops)];
}
