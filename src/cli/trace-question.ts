// Answers `waylaid trace`: the flow as it is, and where asked the same flow after the changes. In: a snapshot, the question
// and the commands of `--what-if`. Out: flows as the answer has them.
import { buildNetwork } from '../core/model/build-network.ts';
import type { Network } from '../core/model/network.ts';
import type { AnswerFlow } from '../core/report/answer-flow.ts';
import { buildFlow } from '../core/report/build-flow.ts';
import { indexPlaces } from '../core/report/find-places.ts';
import { shortName } from '../core/report/names.ts';
import type { WhatIf } from '../core/report/text/render-trace.ts';
import { applyChanges } from '../core/snapshot/apply-changes.ts';
import type { Snapshot } from '../core/snapshot/snapshot.ts';
import { traceFlow } from '../core/trace/trace-flow.ts';
import { resolveFlow } from './endpoint/resolve-flow.ts';
import type { FlowQuestion, ResolvedFlow } from './endpoint/resolve-flow.ts';
import { parseWhatIf } from './what-if/parse-what-if.ts';

export interface TracedQuestion {
  readonly flow: AnswerFlow;
  readonly whatIf?: WhatIf;
}

export function traceQuestion(
  snapshot: Snapshot,
  question: FlowQuestion,
  commands: readonly string[],
): TracedQuestion {
  const network = buildNetwork(snapshot);
  const resolved = resolveFlow(network, question);
  const flow = traceResolved(snapshot, network, resolved);
  if (commands.length === 0) return { flow };
  const machine = network.namespaces.get(resolved.flow.from)?.machine ?? resolved.flow.from;
  // Each command sees what the ones before it made.
  const changed = commands.reduce(
    (sofar, command) => applyChanges(sofar, parseWhatIf(command, sofar, machine)),
    snapshot,
  );
  return {
    flow,
    whatIf: { commands, flow: traceResolved(changed, buildNetwork(changed), resolved) },
  };
}

function traceResolved(snapshot: Snapshot, network: Network, resolved: ResolvedFlow): AnswerFlow {
  const { flow, toName } = resolved;
  const words = {
    id: 'question',
    kind: 'question',
    label: `${shortName(flow.from)} → ${toName}`,
    reason: 'asked for',
    toName,
  };
  return buildFlow(words, traceFlow(network, flow), indexPlaces(snapshot));
}
