// A running lab as waylaid sees it: collected by the very script that collects everywhere, with the lab's own objects,
// and read back. Beside it, what the model predicts for a flow in the words of a real probe.
import { labObjects } from '../../lab/client.ts';
import type { LabDescription, LabFlow } from '../../lab/control.ts';
import type { ProbeResult } from '../../lab/agent-protocol.ts';
import { podKey } from '../../lab/plan.ts';
import { parseAddress } from '../../src/core/net/address.ts';
import type { World } from '../../src/core/diagnose/world.ts';
import { createSnapshotReader } from '../../src/core/snapshot/read-snapshot.ts';
import type { Snapshot } from '../../src/core/snapshot/snapshot.ts';
import type { Journey, Trace } from '../../src/core/trace/flow.ts';
import { collectMachines } from '../../src/io/collect/collect-machines.ts';
import { describeEnteredMachine } from '../../src/io/collect/source.ts';

/** Files by path, with a manifest of everything that was asked. */
export async function collectLab(lab: LabDescription): Promise<ReadonlyMap<string, Uint8Array>> {
  const sources = lab.machines.map((machine) =>
    describeEnteredMachine({
      name: machine.name,
      kind: machine.kind,
      enter: ['nsenter', '-t', String(machine.pid), '-n', '-m', '-p', '-u', '--'],
    }),
  );
  const results = await collectMachines(sources, { version: '0.0.0' });
  const objects = Object.entries(await labObjects(lab.name)).map(([path, text]): [string, Uint8Array] => [
    path,
    Buffer.from(text),
  ]);
  const manifest = { format: 'waylaid-evidence/1', items: results.flatMap((result) => result.items) };
  return new Map([
    ['waylaid.json', Buffer.from(JSON.stringify(manifest))],
    ...results.flatMap((result) => [...result.files]),
    ...objects,
  ]);
}

export function readFiles(files: ReadonlyMap<string, Uint8Array>): Snapshot {
  const reader = createSnapshotReader();
  for (const [path, bytes] of files) {
    reader.take({ path, bytes, text: (start, end) => Buffer.from(bytes).toString('utf8', start, end) });
  }
  return reader.finish();
}

/** Where the model and the packets disagree, a line each; empty is what a test wants. */
export function listDifferences(
  world: World,
  lab: LabDescription,
  measured: readonly { readonly flow: LabFlow; readonly result: ProbeResult }[],
): readonly string[] {
  return measured.flatMap(({ flow, result }) => {
    const trace = traceProbe(world, lab, flow);
    const predicted = predictOutcomes(trace);
    if (predicted.includes(result.outcome)) return [];
    const to = 'to' in flow ? String(flow.to) : flow.ip;
    return [
      `${flow.from} → ${to} ${flow.proto} ${flow.port}: ${result.outcome}, predicted ${predicted.join(' or ')} ${describeEnds(trace)}`,
    ];
  });
}

function traceProbe(world: World, lab: LabDescription, flow: LabFlow): Trace {
  const to = parseAddress(flow.ip);
  if (to === undefined) throw new Error(`${flow.ip} is no address`);
  const pod = lab.pods.find((candidate) => podKey(candidate) === flow.from);
  const machine = lab.machines.find((candidate) => candidate.name === flow.from);
  const from = pod === undefined ? `${machine?.kind ?? 'node'}/${flow.from}` : `pod/${flow.from}`;
  return world.trace({
    from,
    to,
    protocol: flow.proto === 'http' ? 'tcp' : flow.proto,
    port: flow.port,
    // A large answer fills packets as large as both ends take.
    ...(flow.size === undefined ? {} : { sizeBytes: 65_535, isRequestSmall: true }),
    ...(flow.sourcePort === undefined ? {} : { fromPort: flow.sourcePort }),
  });
}

/** Every outcome that a probe may have if the model is right. */
function predictOutcomes(trace: Trace): readonly string[] {
  return [...new Set(trace.journeys.flatMap(predictJourney))];
}

function predictJourney(journey: Journey): readonly string[] {
  switch (journey.end.kind) {
    case 'delivered':
      return (journey.replies ?? []).flatMap((reply) =>
        reply.end.kind === 'delivered' ? ['ok'] : predictLostReply(reply),
      );
    case 'refused':
      return (journey.replies ?? []).flatMap((reply) =>
        reply.end.kind === 'delivered' ? [refusalOutcome(journey.end)] : predictLostReply(reply),
      );
    case 'lost':
      return ['timeout', 'unreachable'];
    case 'unknown':
      return ['unknown'];
  }
}

/** Answers of a rule that a program takes for a closed port. */
const refusals: readonly string[] = ['icmp-port-unreachable', 'icmp6-port-unreachable', 'tcp-reset'];

function refusalOutcome(end: Journey['end']): string {
  if (end.kind !== 'refused') return 'unreachable';
  const isRefused =
    end.why === 'port-closed' || end.why === 'no-endpoints' || refusals.includes(end.with ?? '');
  return isRefused ? 'refused' : 'unreachable';
}

/** Whatever happens to the answer, the one who asked hears nothing. */
function predictLostReply(reply: Journey): readonly string[] {
  return reply.end.kind === 'unknown' ? ['unknown'] : ['timeout'];
}

function describeEnds(trace: Trace): string {
  return JSON.stringify(
    trace.journeys.map((journey) => [journey.end, ...(journey.replies ?? []).map((reply) => reply.end)]),
  );
}
