// probes.jsonl: one measured attempt a line. A line that is no probe is ignored with a note; the others count.
import type { Evidence } from '../../fact/evidence.ts';
import type { Note } from '../../fact/note.ts';
import { parseAddress } from '../../net/address.ts';
import type { BundleFile } from '../bundle-file.ts';
import type { ProbeFact } from '../snapshot.ts';
import { numberOf, objectOf, parseJsonText, textOf, withoutUndefined } from '../syntax/parse-json.ts';
import type { JsonObject } from '../syntax/parse-json.ts';
import { understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';

export function readProbes(file: BundleFile): Reading<readonly ProbeFact[]> {
  const notes: Note[] = [];
  const probes: ProbeFact[] = [];
  for (const [index, line] of file.text().split('\n').entries()) {
    if (line.trim() === '') continue;
    const raw = objectOf(parseJsonText(line));
    const probe = raw && readProbe(raw, { path: file.path, at: `L${index + 1}` });
    if (probe !== undefined) probes.push(probe);
    else {
      const text = `${file.path} is not a probe at line ${index + 1}; the line is ignored.`;
      notes.push({ code: 'ignored-entry', path: file.path, text });
    }
  }
  return understood(probes, notes);
}

function readProbe(raw: JsonObject, evidence: Evidence): ProbeFact | undefined {
  const from = objectOf(raw.from);
  const to = objectOf(raw.to);
  const stage = textOf(raw.stage);
  const outcome = textOf(raw.outcome);
  if (from === undefined || to === undefined || stage === undefined || outcome === undefined)
    return undefined;
  return withoutUndefined<ProbeFact>({
    evidence,
    id: textOf(raw.id),
    from: withoutUndefined({
      node: textOf(from.node),
      pod: textOf(from.pod),
      where: textOf(from.where),
      host: textOf(from.host),
      device: textOf(from.device),
    }),
    to: withoutUndefined({
      ip: parseAddress(textOf(to.ip) ?? ''),
      port: numberOf(to.port),
      proto: textOf(to.proto),
      name: textOf(to.name),
      url: textOf(to.url),
      // Collectors write them beside the address or beside `to`.
      sizeBytes: numberOf(to.size) ?? numberOf(raw.size),
      mustNotBeCut: (to.df ?? raw.df) === true ? true : undefined,
    }),
    stage,
    outcome,
    raw,
  });
}
