// waylaid.json as the manifest. Unknown keys are ignored; an item that cannot be read costs itself only. A format of a
// later version is read as far as its words are known.
import type { Note } from '../../fact/note.ts';
import type { BundleFile } from '../bundle-file.ts';
import type { ItemProblem, Manifest, ManifestItem } from '../manifest.ts';
import {
  flagOf,
  listOf,
  numberOf,
  objectOf,
  parseJsonObject,
  textOf,
  textsOf,
  withoutUndefined,
} from '../syntax/parse-json.ts';
import type { JsonObject } from '../syntax/parse-json.ts';
import { understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';

const knownFormat = 'waylaid-evidence/1';

const problems: ReadonlySet<string> = new Set<ItemProblem>([
  'forbidden',
  'absent',
  'not-installed',
  'timed-out',
  'unreachable',
  'failed',
  'truncated',
]);

export function readManifest(file: BundleFile): Reading<Manifest> {
  const parsed = parseJsonObject(file);
  if (!parsed.isUnderstood) return parsed;
  const raw = parsed.value;
  const notes: Note[] = [];
  const format = textOf(raw.format) ?? '';
  if (format !== knownFormat) notes.push(noteOnFormat(file.path, format));
  const items = new Map<string, ManifestItem>();
  for (const [index, entry] of listOf(raw.items).entries()) {
    const item = readItem(objectOf(entry));
    if (item === undefined) {
      const text = `${file.path}/items/${index} names no path; it is ignored.`;
      notes.push({ code: 'ignored-entry', path: file.path, text });
    } else items.set(item.path, worseOf(items.get(item.path), item));
  }
  const manifest = withoutUndefined<Manifest>({
    format,
    collectedAt: textOf(raw.collectedAt),
    collectedBy: textOf(raw.collectedBy),
    clusterName: textOf(objectOf(raw.cluster)?.name),
    isRedacted: flagOf(raw.redacted),
    items,
  });
  return understood(manifest, notes);
}

function readItem(raw: JsonObject | undefined): ManifestItem | undefined {
  const path = textOf(raw?.path);
  if (raw === undefined || path === undefined) return undefined;
  return withoutUndefined<ManifestItem>({
    path,
    argv: Array.isArray(raw.argv) ? textsOf(raw.argv) : undefined,
    exit: numberOf(raw.exit),
    startedAt: textOf(raw.startedAt),
    durationMs: numberOf(raw.durationMs),
    problem: problemOf(textOf(raw.problem)),
    detail: textOf(raw.detail),
  });
}

/** A problem whose word is not known is a problem still. */
function problemOf(word: string | undefined): ItemProblem | undefined {
  if (word === undefined) return undefined;
  return isProblem(word) ? word : 'failed';
}

function isProblem(word: string): word is ItemProblem {
  return problems.has(word);
}

/** Where a path is listed twice the item with a problem counts, whatever their order. */
function worseOf(first: ManifestItem | undefined, second: ManifestItem): ManifestItem {
  if (first === undefined) return second;
  const rank = (item: ManifestItem): string =>
    `${item.problem ?? '~'} ${item.exit === 0 ? 1 : 0} ${JSON.stringify(item)}`;
  return rank(first) < rank(second) ? first : second;
}

function noteOnFormat(path: string, format: string): Note {
  if (format === '') {
    const text = `${path} does not say which format the bundle has; it is read as ${knownFormat}.`;
    return { code: 'unknown-format', path, text };
  }
  const text = `${path} says ${format}, and this waylaid knows ${knownFormat}: what it knows of is read, the rest is not. Update waylaid to read all of it.`;
  return { code: 'unknown-format', path, text };
}
