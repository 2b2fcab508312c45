// Packet filters that were collected and could drop what the model lets pass, since it does not evaluate them yet. They
// blame nothing; but where packets that should arrive pass such a machine, nobody may call the cluster healthy.
import type { JudgedIntent, Unknown } from './diagnosis.ts';
import type { Network } from '../model/network.ts';
import type { FilterDropFact } from '../snapshot/namespace-facts.ts';
import type { Journey } from '../trace/flow.ts';

export function listDoubts(network: Network, judged: readonly JudgedIntent[]): readonly Unknown[] {
  return [...network.machines.keys()].flatMap((id) => {
    const drops = listDrops(network, id);
    const passing = judged.filter(
      ({ trace }) => trace.verdict === 'arrives' && trace.journeys.some((journey) => passes(journey, id)),
    );
    const first = drops[0];
    if (first === undefined || passing.length === 0) return [];
    const more = drops.length === 1 ? '' : ` and ${drops.length - 1} more`;
    return [
      {
        question: `does ${id}'s packet filter let them pass? It has ${first.text}${more}, and chains are not evaluated yet`,
        needs: first.evidence.path,
        command: `iptables-save -c on ${id.replace(/^(node|host)\//, '')}, before and after a try: do the counters of these rules grow?`,
        why: 'not evaluated',
        intents: passing.map(({ intent }) => intent.id),
      },
    ];
  });
}

function listDrops(network: Network, id: string): readonly FilterDropFact[] {
  const dumps = network.namespaces.get(id)?.facts.filterDrops ?? [];
  const drops = dumps.flatMap((dump) => (dump.known ? dump.value : []));
  return [...new Map(drops.map((drop) => [drop.text, drop])).values()];
}

function passes(journey: Journey, id: string): boolean {
  return (
    journey.hops.some((hop) => hop.at === id || (hop.nested !== undefined && passes(hop.nested, id))) ||
    (journey.replies ?? []).some((reply) => passes(reply, id))
  );
}
