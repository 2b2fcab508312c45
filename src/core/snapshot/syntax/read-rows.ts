// Tables as iproute2 prints them: a JSON array of objects, or one record a row. Each row gets its place as evidence
// ("/14" or "L14"). One row that is not understood costs the whole file, because a table short of a row would be
// believed.
import type { Evidence } from '../../fact/evidence.ts';
import type { BundleFile } from '../bundle-file.ts';
import { objectOf, parseJson } from './parse-json.ts';
import type { JsonObject } from './parse-json.ts';
import { notUnderstood, understood } from './reading.ts';
import type { Reading } from './reading.ts';
import { readRecords } from './text-lines.ts';
import type { TextRecord } from './text-lines.ts';

/** The facts of one row; `undefined` where it is not understood. */
export type RowReader<Row, T> = (row: Row, evidence: Evidence) => readonly T[] | undefined;

export function readJsonRows<T>(file: BundleFile, readRow: RowReader<JsonObject, T>): Reading<readonly T[]> {
  const parsed = parseJson(file);
  if (!parsed.isUnderstood) return parsed;
  if (!Array.isArray(parsed.value)) return notUnderstood('not a JSON list');
  const facts: T[] = [];
  for (const [index, entry] of (parsed.value as readonly (typeof parsed.value)[]).entries()) {
    const row = objectOf(entry);
    // iproute2 leaves `{}` where a filter took a row out (6.1, `ip -j addr` and `ip -j link` with a selector).
    if (row !== undefined && Object.keys(row).length === 0) continue;
    const read = row === undefined ? undefined : readRow(row, { path: file.path, at: `/${index}` });
    if (read === undefined) return notUnderstood(`not understood at /${index}`);
    for (const fact of read) facts.push(fact);
  }
  return understood(facts);
}

export function readTextRows<T>(file: BundleFile, readRow: RowReader<TextRecord, T>): Reading<readonly T[]> {
  const records = readRecords(file);
  if (!records.isUnderstood) return records;
  const facts: T[] = [];
  for (const record of records.value) {
    const read = readRow(record, { path: file.path, at: `L${record.head.number}` });
    if (read === undefined) return notUnderstood(`not understood at line ${record.head.number}`);
    for (const fact of read) facts.push(fact);
  }
  return understood(facts);
}
