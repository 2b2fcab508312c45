// A journey as the few words of a picture: `swimto/api, cni0, rule 5270, table 52, tailscale0`, then how it ended. In: a
// journey and who stands on which machine. Out: labels in order. Left out is what every packet meets on every machine
// (the rules for local, main and default; the devices of the machine where it arrives), so that what is odd stands out.
import { formatPrefix } from '../net/prefix.ts';
import type { NamespaceId } from '../model/network.ts';
import type { Disposition, Hop, Journey } from '../trace/flow.ts';
import type { AnswerPath, AnswerPathStep } from './answer-flow.ts';
import { describeJourneyEnd } from './end-text.ts';
import type { Places } from './find-places.ts';
import { isMachineId, shortName } from './names.ts';

/** Tables that every Linux machine has: a lookup in one of them is nothing to remark on. */
const ordinaryTables: ReadonlySet<string> = new Set(['local', 'main', 'default', '255', '254', '253']);

/** Steps whose device the packet came in by: the name of the machine says enough. */
const arrivalSteps: ReadonlySet<Hop['step']> = new Set(['source-check', 'decap']);

export function buildPath(journey: Journey, direction: AnswerPath['direction'], places: Places): AnswerPath {
  const steps = collectSteps(journey, places);
  return { direction, steps, end: { disposition: journey.end.kind, text: describeJourneyEnd(journey) } };
}

function collectSteps(journey: Journey, places: Places): AnswerPathStep[] {
  const start = journey.hops[0]?.at ?? endPlace(journey.end);
  const startMachine = places.findMachine(start);
  const steps: AnswerPathStep[] = [firstStep(start, startMachine)];
  const quietMachine = journey.end.kind === 'delivered' ? places.findMachine(journey.end.to) : undefined;
  let machine = startMachine;
  for (const hop of journey.hops) {
    const here = places.findMachine(hop.at);
    if (here !== machine && here !== undefined) pushStep(steps, { label: shortName(here), at: here });
    machine = here ?? machine;
    if (!isMachineId(hop.at)) continue;
    const isQuiet = here === quietMachine && here !== startMachine;
    for (const step of stepsOfHop(hop, isQuiet)) pushStep(steps, step);
    if (hop.nested !== undefined && hop.nested.end.kind !== 'delivered') {
      for (const step of collectSteps(hop.nested, places).slice(1)) pushStep(steps, step);
    }
  }
  if (journey.end.kind === 'delivered') {
    pushStep(steps, { label: shortName(journey.end.to), at: journey.end.to });
  }
  return steps;
}

function firstStep(start: NamespaceId, machine: NamespaceId | undefined): AnswerPathStep {
  const isOwnMachine = machine === undefined || machine === start;
  return { label: shortName(start), at: start, ...(isOwnMachine ? {} : { detail: shortName(machine) }) };
}

function stepsOfHop(hop: Hop, isQuiet: boolean): AnswerPathStep[] {
  const steps: AnswerPathStep[] = [];
  for (const element of hop.elements) {
    if (element.kind === 'rule' && !isOrdinaryRule(element.rule.action)) {
      steps.push({ label: `rule ${element.rule.priority}`, at: hop.at });
    }
    if (element.kind === 'route' && !ordinaryTables.has(element.route.table)) {
      const detail =
        element.route.destination.length === 0 ? 'default' : formatPrefix(element.route.destination);
      steps.push({ label: `table ${element.route.table}`, detail, at: hop.at });
    }
  }
  if (hop.link !== undefined && !isQuiet && !arrivalSteps.has(hop.step)) {
    steps.push({ label: hop.link, at: hop.at });
  }
  return steps;
}

function isOrdinaryRule(action: { readonly kind: string; readonly table?: string }): boolean {
  return action.kind === 'lookup' && ordinaryTables.has(action.table ?? '');
}

/** A device is named once, however many hops it takes part in. */
function pushStep(steps: AnswerPathStep[], step: AnswerPathStep): void {
  const known = steps.find((other) => other.label === step.label && other.at === step.at);
  if (known === undefined) steps.push(step);
}

function endPlace(end: Disposition): NamespaceId {
  if (end.kind === 'delivered') return end.to;
  return end.kind === 'refused' ? end.by : end.at;
}
