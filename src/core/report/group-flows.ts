// What a root cause breaks, in a few words with counts, instead of one line a flow: `node-2's pods ↔ pods elsewhere (24)`.
// In: the failing intents of one cause. Out: groups, the largest first; every flow is in exactly one.
import type { Intent, JudgedIntent } from '../diagnose/diagnosis.ts';
import type { NamespaceId } from '../model/network.ts';
import type { Places } from './find-places.ts';
import { compareText, shortName } from './names.ts';

export interface FlowGroup {
  readonly text: string;
  readonly flows: number;
}

interface Ends {
  readonly intent: Intent;
  readonly from: NamespaceId | undefined;
  readonly to: NamespaceId | undefined;
}

export function groupFlows(judged: readonly JudgedIntent[], places: Places): FlowGroup[] {
  const ends = judged.map(({ intent }) => ({
    intent,
    from: places.findMachine(intent.flow.from),
    to: machineOfTarget(intent, places),
  }));
  const buckets = new Map<string, Ends[]>();
  for (const end of ends) {
    const key = bucketOf(end.intent);
    const bucket = buckets.get(key);
    if (bucket === undefined) buckets.set(key, [end]);
    else bucket.push(end);
  }
  return [...buckets]
    .map(([key, members]) => ({ text: describeBucket(key, members), flows: members.length }))
    .sort((a, b) => b.flows - a.flows || compareText(a.text, b.text));
}

function machineOfTarget(intent: Intent, places: Places): NamespaceId | undefined {
  const owner = places.findOwner(intent.flow.to);
  return owner === undefined ? undefined : places.findMachine(owner);
}

/** Flows to one Service belong together, wherever from; so do flows of one kind between machines. */
function bucketOf(intent: Intent): string {
  switch (intent.kind) {
    case 'pod-to-service':
    case 'node-to-service':
      return `service ${targetName(intent)}`;
    case 'question':
      return `question ${intent.label}`;
    case 'pod-to-pod':
    case 'node-to-pod':
    case 'node-to-node':
    case 'to-nameserver':
    case 'probe':
      return intent.kind;
  }
}

function targetName(intent: Intent): string {
  const arrow = intent.label.lastIndexOf('→');
  return arrow < 0 ? intent.flow.to : intent.label.slice(arrow + 1).trim();
}

function describeBucket(key: string, members: readonly Ends[]): string {
  const first = members[0];
  if (first === undefined) return key;
  switch (first.intent.kind) {
    case 'pod-to-service':
    case 'node-to-service':
      return `${describeSources(members)} → ${targetName(first.intent)}`;
    case 'pod-to-pod':
      return describePairs(members, { of: (node) => `${node}'s pods ↔ pods elsewhere`, all: 'pods ↔ pods' });
    case 'node-to-pod':
      return describePairs(members, { of: (node) => `${node} ↔ pods elsewhere`, all: 'nodes ↔ pods' });
    case 'node-to-node':
      return describePairs(members, { of: (node) => `${node} ↔ other nodes`, all: 'nodes ↔ nodes' });
    case 'to-nameserver':
      return `${describeSources(members)} → their nameservers`;
    case 'probe':
      return 'measured attempts';
    case 'question':
      return first.intent.label;
  }
}

function describeSources(members: readonly Ends[]): string {
  const names = [...new Set(members.map((member) => shortName(member.from ?? member.intent.flow.from)))].sort(
    compareText,
  );
  return names.length <= 3 ? names.join(', ') : `${names.length} nodes`;
}

interface PairWords {
  readonly of: (node: string) => string;
  readonly all: string;
}

function describePairs(members: readonly Ends[], words: PairWords): string {
  const common = commonMachine(members);
  if (common !== undefined && isBetweenMachines(members)) return words.of(shortName(common));
  const machines = new Set(
    members.flatMap((member) => [member.from, member.to]).filter((id) => id !== undefined),
  );
  if (machines.size === 1 && common !== undefined) return `${words.all} on ${shortName(common)}`;
  return machines.size > 1 ? `${words.all} on ${machines.size} nodes` : words.all;
}

function isBetweenMachines(members: readonly Ends[]): boolean {
  return members.every((member) => member.from !== member.to);
}

/** The one machine that every pair has an end on; the sender's, where both ends fit. */
function commonMachine(members: readonly Ends[]): NamespaceId | undefined {
  const [first] = members;
  return [first?.from, first?.to].find(
    (machine) =>
      machine !== undefined && members.every((member) => member.from === machine || member.to === machine),
  );
}
