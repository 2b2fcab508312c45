// Suspects that a person would look at, cleared by the same machine: with the true causes removed everything arrives
// although the suspect stands. Only where something is broken, for on a healthy cluster nobody suspects anything.
import type { Cleared, JudgedIntent, RootCause, Symptom } from './diagnosis.ts';
import { joinNames } from './name-cause.ts';
import { listDumps } from './observe-filter.ts';
import type { World } from './world.ts';
import type { Evidence } from '../fact/evidence.ts';
import type { ServiceFact } from '../snapshot/cluster-facts.ts';
import type { RuleFact } from '../snapshot/namespace-facts.ts';
import { formatRule } from '../snapshot/format-routing.ts';

export interface Clearing {
  readonly base: World;
  readonly healed: World;
  readonly judged: readonly JudgedIntent[];
  readonly causes: readonly RootCause[];
  readonly symptoms: readonly Symptom[];
}

export function clearSuspects(about: Clearing): readonly Cleared[] {
  if (about.causes.length === 0) return [];
  const allHealed = about.judged.every(({ intent }) => about.healed.trace(intent.flow).verdict === 'arrives');
  return [...clearDns(about), ...(allHealed ? clearAll(about) : [])];
}

function clearAll(about: Clearing): readonly Cleared[] {
  return [...clearReversePath(about), ...clearRules(about), ...clearPolicies(about)];
}

/** A policy of DROP looks like the culprit wherever pods fail; behind rules that accept, no packet gets to it. */
function clearPolicies(about: Clearing): readonly Cleared[] {
  return [...about.base.network.machines.keys()].flatMap((id) => {
    const filter = about.base.network.namespaces.get(id)?.facts.filter;
    const dropping = listDumps(filter).flatMap(({ path, tables }) =>
      tables.flatMap(({ name, chains }) =>
        [...chains.values()]
          .filter(({ base }) => base?.policy === 'drop' && base.hook === 'forward')
          .map((chain) => ({ table: name, chain: chain.name, evidence: { path, at: chain.at } })),
      ),
    );
    return dropping
      .filter(({ chain }) => !isBlamed(about, id, chain))
      .map(({ table, chain, evidence }) => ({
        suspect: `the policy DROP of ${chain} (${table})`,
        subject: id,
        reason: 'with the causes above removed everything arrives although it stands',
        evidence: [evidence],
      }));
  });
}

/** Names do not resolve, yet the name server is well: it is only not reached. */
function clearDns(about: Clearing): readonly Cleared[] {
  const hasDnsErrors = about.symptoms.some(
    (symptom) => symptom.class === 'dns-temporary' && symptom.explainedBy.length > 0,
  );
  const { cluster } = about.base.network;
  const dns = (cluster.services.known ? cluster.services.value : []).find(isDns);
  if (dns === undefined) return [];
  const toDns = about.judged.filter(({ intent }) => dns.clusterIps.includes(intent.flow.to));
  const lost = toDns.filter(({ trace }) => trace.verdict !== 'arrives');
  const reached = toDns.filter(({ trace }) => trace.verdict === 'arrives');
  if ((!hasDnsErrors && lost.length === 0) || reached.length === 0) return [];
  const from = joinNames(
    [...new Set(lost.map(({ intent }) => machineOf(about.base, intent.flow.from)))].sort(),
  );
  return [
    {
      suspect: 'CoreDNS',
      subject: `service/${dns.namespace}/${dns.name}`,
      reason: `it is ready and reached from elsewhere; ${from === '' ? 'nobody fails to reach it' : `only ${from} cannot reach it`}`,
      evidence: [dns.evidence],
    },
  ];
}

function isDns(service: ServiceFact): boolean {
  return (
    service.namespace === 'kube-system' &&
    service.ports.some((port) => port.port === 53 && port.protocol === 'udp')
  );
}

function machineOf(world: World, namespace: string): string {
  return world.network.namespaces.get(namespace)?.machine ?? namespace;
}

function clearReversePath(about: Clearing): readonly Cleared[] {
  return [...about.base.network.machines.keys()].flatMap((id) => {
    const sysctls = about.base.network.namespaces.get(id)?.facts.sysctls;
    if (sysctls?.known !== true || isBlamed(about, id, 'rp_filter')) return [];
    const strict = [...sysctls.value].filter(
      ([key, fact]) => /^net\.ipv4\.conf\..*\.rp_filter$/.test(key) && fact.value === '1',
    );
    const [key, fact] = strict[0] ?? [];
    if (key === undefined || fact === undefined) return [];
    return [
      {
        suspect: 'strict reverse-path check (rp_filter=1)',
        subject: id,
        reason: 'with the causes above removed everything arrives although it stands',
        evidence: [{ ...fact.evidence, quote: `${key} = 1` }],
      },
    ];
  });
}

function isBlamed(about: Clearing, namespace: string, word: string): boolean {
  return about.causes.some((cause) =>
    cause.elements.some((element) => element.in === namespace && element.text.includes(word)),
  );
}

const kernelPriorities: readonly number[] = [0, 32766, 32767];

/** Policy rules that the failing packets met, or would be suspected of, and that stand in the healed model too. */
function clearRules(about: Clearing): readonly Cleared[] {
  const suspects = new Map<string, { readonly nodes: string[]; readonly evidence: Evidence[] }>();
  for (const id of about.base.network.machines.keys()) {
    const rules = about.base.network.namespaces.get(id)?.facts.rules[4];
    if (rules?.known !== true || about.causes.some((cause) => cause.subjects.includes(id))) continue;
    const odd = rules.value.filter((rule) => !kernelPriorities.includes(rule.priority) && leadsAside(rule));
    for (const rule of odd) {
      const text = formatRule(rule);
      const entry = suspects.get(text) ?? { nodes: [], evidence: [] };
      entry.nodes.push(id);
      entry.evidence.push({ ...rule.evidence, quote: text });
      suspects.set(text, entry);
    }
  }
  return [...suspects].map(([text, { nodes, evidence }]) => ({
    suspect: `policy rule ${text}`,
    subject: nodes[0] ?? '',
    reason: `the same rule on ${joinNames(nodes)} takes no packet that it should not`,
    evidence,
  }));
}

function leadsAside(rule: RuleFact): boolean {
  return (
    rule.action.kind === 'lookup' &&
    rule.mark === undefined &&
    rule.action.table !== 'main' &&
    rule.action.table !== 'default'
  );
}
