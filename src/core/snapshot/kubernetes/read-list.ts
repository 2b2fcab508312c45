// A Kubernetes List as `kubectl get … -o json` or the API server prints it, as objects in order of namespace and name.
// In: the file and the kind's name in it (`pods`, `ingressroutes.traefik.io`). Each element is parsed from its own bytes,
// so the list's size is no limit. Objects in a list of the API server have no kind of their own; the list's gives it
// (PodList → Pod). Two objects of one name are one too many: the first in the order of their text is kept.
import type { Note } from '../../fact/note.ts';
import type { BundleFile } from '../bundle-file.ts';
import type { Json, KubeObject } from '../cluster-facts.ts';
import { compareText } from '../syntax/compare-text.ts';
import { listOf, objectOf, parseJson, parseJsonText, textOf } from '../syntax/parse-json.ts';
import type { JsonObject } from '../syntax/parse-json.ts';
import { notUnderstood, understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';
import { splitListItems } from '../syntax/split-list-items.ts';
import type { ListLayout } from '../syntax/split-list-items.ts';

interface RawList {
  readonly kind?: string;
  readonly items: readonly Json[];
}

export function readKubeList(file: BundleFile): Reading<readonly KubeObject[]> {
  const list = readRawList(file);
  if (!list.isUnderstood) return list;
  const notes: Note[] = [];
  const itemKind = /^(.+)List$/.exec(list.value.kind ?? '')?.[1];
  const objects: KubeObject[] = [];
  for (const [index, item] of list.value.items.entries()) {
    const raw = objectOf(item);
    const metadata = objectOf(raw?.metadata);
    const name = textOf(metadata?.name);
    if (raw === undefined || name === undefined) {
      const text = `${file.path}/items/${index} has no metadata.name; it is ignored.`;
      notes.push({ code: 'ignored-entry', path: file.path, text });
      continue;
    }
    const kind = textOf(raw.kind) ?? itemKind ?? '';
    const namespace = textOf(metadata?.namespace);
    const evidence = { path: file.path, at: `/items/${index}` };
    objects.push({ evidence, kind, ...(namespace === undefined ? {} : { namespace }), name, raw });
  }
  return understood(dropDoubles(objects, notes), notes);
}

function readRawList(file: BundleFile): Reading<RawList> {
  const layout = splitListItems(file.bytes, file.text);
  const split = layout === undefined ? undefined : parseParts(file, layout);
  if (split !== undefined) return understood(split);
  const parsed = parseJson(file);
  if (!parsed.isUnderstood) return parsed;
  if (Array.isArray(parsed.value)) return understood({ items: listOf(parsed.value) });
  const object = objectOf(parsed.value);
  if (object === undefined) return notUnderstood('not a Kubernetes list');
  // The API server writes `"items": null` for a list of none.
  if ('items' in object) {
    const isList = object.items === null || Array.isArray(object.items);
    if (!isList) return notUnderstood('not a Kubernetes list (its items are no list)');
    return understood({ kind: textOf(object.kind), items: listOf(object.items) });
  }
  // The API server's own refusal, saved in place of the list.
  if (object.kind === 'Status') return notUnderstood(`a refusal (${textOf(object.message) ?? 'Status'})`);
  return objectOf(object.metadata) === undefined
    ? notUnderstood('not a Kubernetes list (no items in it)')
    : understood({ items: [object] });
}

function parseParts(file: BundleFile, layout: ListLayout): RawList | undefined {
  let kind: string | undefined;
  for (const { key, value } of layout.fields) {
    const name = parseJsonText(file.text(key.start, key.end));
    const field = parseJsonText(file.text(value.start, value.end));
    if (name === undefined || field === undefined) return undefined;
    if (name === 'kind') kind = textOf(field);
  }
  const items: Json[] = [];
  for (const { start, end } of layout.items) {
    const item = parseJsonText(file.text(start, end));
    if (item === undefined) return undefined;
    items.push(item);
  }
  return { kind, items };
}

function dropDoubles(objects: KubeObject[], notes: Note[]): readonly KubeObject[] {
  objects.sort((a, b) => compareText(keyOf(a), keyOf(b)));
  const kept: KubeObject[] = [];
  for (const object of objects) {
    const last = kept.at(-1);
    if (last === undefined || keyOf(last) !== keyOf(object)) {
      kept.push(object);
      continue;
    }
    const path = object.evidence.path;
    const text = `${path} holds ${object.kind} ${nameOf(object)} more than once; one of them is used.`;
    notes.push({ code: 'duplicate-name', path, text });
    if (compareText(stableText(object.raw), stableText(last.raw)) < 0) kept[kept.length - 1] = object;
  }
  return kept;
}

function nameOf(object: KubeObject): string {
  return object.namespace === undefined ? object.name : `${object.namespace}/${object.name}`;
}

function keyOf(object: KubeObject): string {
  return `${object.namespace ?? ''}\0${object.name}\0${object.kind}`;
}

/** The same text for the same object, whatever the order of its keys. */
function stableText(raw: JsonObject): string {
  return JSON.stringify(raw, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => compareText(a, b)))
      : value,
  );
}
