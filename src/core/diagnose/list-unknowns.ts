// What could not be judged, grouped by the fact that would settle it, with the command that collects it.
import type { JudgedIntent, Unknown } from './diagnosis.ts';
import type { Missing } from '../fact/known.ts';
import type { Network } from '../model/network.ts';
import type { Journey } from '../trace/flow.ts';

interface Gap {
  readonly question: string;
  readonly missing?: Missing;
  readonly intents: string[];
}

export function listUnknowns(network: Network, judged: readonly JudgedIntent[]): readonly Unknown[] {
  const gaps = new Map<string, Gap>();
  for (const { intent, trace } of judged) {
    if (trace.verdict !== 'unknown') continue;
    for (const end of trace.journeys.flatMap(openQuestions)) {
      const key = end.missing?.path ?? end.question;
      const gap = gaps.get(key) ?? {
        question: end.question,
        ...(end.missing === undefined ? {} : { missing: end.missing }),
        intents: [],
      };
      if (!gap.intents.includes(intent.id)) gap.intents.push(intent.id);
      gaps.set(key, gap);
    }
  }
  const fromFlows = [...gaps].map(([, gap]) => describeGap(gap));
  return [...fromFlows, ...listUnlisted(network), ...listUnreachable(network, fromFlows)].sort((a, b) =>
    a.needs + a.question < b.needs + b.question ? -1 : 1,
  );
}

/** Without these lists nobody knows which flows should work, so those that were asked are not all. */
export function listUnlisted(network: Network): readonly Unknown[] {
  const { nodes, pods, services } = network.cluster;
  return [
    { question: 'which nodes does the cluster have?', fact: nodes },
    { question: 'which pods does the cluster have?', fact: pods },
    { question: 'which Services does the cluster have?', fact: services },
  ].flatMap(({ question, fact }) =>
    fact.known ? [] : [describeGap({ question, missing: fact, intents: [] })],
  );
}

interface OpenQuestion {
  readonly question: string;
  readonly missing?: Missing | undefined;
}

/** Where a way ends in a question, or took one of two answers to one. */
function openQuestions(journey: Journey): readonly OpenQuestion[] {
  const ways = [journey, ...(journey.replies ?? [])];
  const ends = ways.flatMap(({ end }) => (end.kind === 'unknown' ? [end] : []));
  return ends.length > 0 ? ends : ways.flatMap(({ doubts }) => doubts ?? []);
}

function describeGap(gap: Gap): Unknown {
  const needs = gap.missing?.path ?? '';
  const detail = gap.missing?.detail === undefined ? '' : `: ${gap.missing.detail}`;
  return {
    question: gap.question,
    needs,
    command: commandFor(gap),
    why: gap.missing === undefined ? 'outside the evidence' : `${gap.missing.reason}${detail}`,
    intents: gap.intents,
    ...(gap.missing === undefined ? {} : { missing: gap.missing }),
  };
}

/** Collecting again brings every file of a machine, so one command serves for all of them. */
function commandFor(gap: Gap): string {
  // What only the pod network's own program knows, its command alone can print.
  if (/^nodes\/[^/]+\/cilium-/.test(gap.missing?.path ?? '') && gap.missing?.command !== undefined)
    return gap.missing.command.join(' ');
  const match = /^(nodes|hosts)\/([^/]+)/.exec(gap.missing?.path ?? '');
  if (match !== null)
    return match[1] === 'nodes'
      ? `waylaid collect --node ${match[2] ?? ''}`
      : `waylaid collect --host ${match[2] ?? ''}`;
  if (gap.missing?.path.startsWith('cluster/') === true) return 'waylaid collect --kubeconfig FILE';
  const peer = /what does (\S+) \(outside the evidence\)/.exec(gap.question)?.[1];
  return peer === undefined ? 'waylaid probe' : `waylaid collect --host ${peer}`;
}

function listUnreachable(network: Network, listed: readonly Unknown[]): readonly Unknown[] {
  return [...network.unreachable]
    .filter(
      ([name]) =>
        !listed.some(
          (unknown) =>
            unknown.needs.startsWith(`nodes/${name}/`) || unknown.needs.startsWith(`hosts/${name}/`),
        ),
    )
    .map(([name, why]) => {
      const kind = isNode(network, name) ? 'node' : 'host';
      return {
        question: `what does ${name} look like?`,
        needs: `${kind}s/${name}/`,
        command: `waylaid collect --${kind} ${name}`,
        why,
        intents: [],
      };
    });
}

/** Where nobody knows the Nodes, every machine may be one. */
function isNode(network: Network, name: string): boolean {
  const { nodes } = network.cluster;
  return !nodes.known || nodes.value.some((node) => node.name === name);
}
