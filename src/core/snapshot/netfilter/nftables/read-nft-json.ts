// `nft -j list ruleset` as tables. In: the file. Out: tables with chains, rules and sets in printed order. A rule keeps
// its statements; its comment, which nft prints beside them, is put behind them as `{"comment": …}`. Objects that rules
// only refer to (counters, limits, quotas, helpers, flowtables) are left out, and rules that depend on them say so.
import type { FilterDump, FilterRule } from '../../filter-facts.ts';
import type { BundleFile } from '../../bundle-file.ts';
import type { Json } from '../../cluster-facts.ts';
import { listOf, numberOf, objectOf, parseJsonObject, textOf } from '../../syntax/parse-json.ts';
import type { JsonObject } from '../../syntax/parse-json.ts';
import { notUnderstood, understood } from '../../syntax/reading.ts';
import type { Reading } from '../../syntax/reading.ts';
import { fieldsOf, setNameOf, taggedOf, wordsIn } from './nft-json.ts';
import { typeOfExpression } from './nft-keys.ts';
import { buildBase, familyNamed, finishTable, startTable } from './nft-table-draft.ts';
import type { SetDraft, TableDraft } from './nft-table-draft.ts';

export function readNftJson(file: BundleFile): Reading<FilterDump> {
  const parsed = parseJsonObject(file);
  if (!parsed.isUnderstood) return parsed;
  const { nftables } = parsed.value;
  if (!Array.isArray(nftables)) return notUnderstood('not what nft prints: it has no list "nftables"');
  const tables = new Map<string, TableDraft>();
  for (const [index, entry] of listOf(nftables).entries()) {
    const at = `/nftables/${index}`;
    if (!addEntry(tables, entry, at)) return notUnderstood(`not understood at ${at}`);
  }
  return understood({ path: file.path, tables: [...tables.values()].map((draft) => finishTable(draft)) });
}

type EntryReader = (table: TableDraft, fields: JsonObject, at: string) => boolean;

const entryReaders: Readonly<Record<string, EntryReader | undefined>> = {
  chain: addChain,
  rule: addRule,
  set: addSet,
  map: addSet,
  element: addElements,
};

/** False where the entry is damaged: a table with a part left out would look like a smaller one. */
function addEntry(tables: Map<string, TableDraft>, entry: Json, at: string): boolean {
  const tagged = taggedOf(entry);
  const fields = objectOf(tagged?.body);
  if (tagged === undefined || fields === undefined) return false;
  if (tagged.tag === 'table') return addTable(tables, fields, at);
  const read = entryReaders[tagged.tag];
  if (read === undefined) return true;
  const table = tables.get(`${textOf(fields.family) ?? ''} ${textOf(fields.table) ?? ''}`);
  return table !== undefined && read(table, fields, at);
}

function addTable(tables: Map<string, TableDraft>, fields: JsonObject, at: string): boolean {
  const family = familyNamed(textOf(fields.family));
  const name = textOf(fields.name);
  if (family === undefined || name === undefined) return false;
  const draft = startTable(family, name, at);
  draft.isDormant = wordsIn(fields.flags).includes('dormant');
  tables.set(`${family} ${name}`, draft);
  return true;
}

function addChain(table: TableDraft, fields: JsonObject, at: string): boolean {
  const name = textOf(fields.name);
  if (name === undefined) return false;
  if (fields.hook === undefined) {
    table.chains.set(name, { name, at, rules: [] });
    return true;
  }
  const base = buildBase({
    type: textOf(fields.type),
    hook: textOf(fields.hook),
    priority: numberOf(fields.prio),
    policy: textOf(fields.policy),
    links: wordsIn(fields.dev),
  });
  if (base === undefined) return false;
  table.chains.set(name, { name, at, base, rules: [] });
  return true;
}

function addRule(table: TableDraft, fields: JsonObject, at: string): boolean {
  const chain = table.chains.get(textOf(fields.chain) ?? '');
  if (chain === undefined || !Array.isArray(fields.expr)) return false;
  const comment = textOf(fields.comment);
  const written = listOf(fields.expr);
  const statements = comment === undefined ? written : [...written, { comment }];
  for (const statement of statements) noteStatement(table, statement);
  const packets = packetsOf(statements);
  const handle = numberOf(fields.handle);
  const rule: FilterRule = {
    at,
    source: { syntax: 'nft-json', statements },
    ...(packets === undefined ? {} : { packets }),
    ...(handle === undefined ? {} : { handle }),
  };
  chain.rules.push(rule);
  return true;
}

function noteStatement(table: TableDraft, statement: Json): void {
  if (typeof statement === 'string') {
    const set = /^(?:add|update|delete) @(\S+)/.exec(statement)?.[1];
    if (set !== undefined) table.filled.add(set);
    return;
  }
  const tagged = taggedOf(statement);
  if (tagged?.tag === 'xt') table.isCompat = true;
  const fields = objectOf(tagged?.body);
  if (tagged?.tag !== 'set' && tagged?.tag !== 'map') return;
  const set = setNameOf(fields?.set) ?? setNameOf(fields?.map);
  if (set !== undefined) table.filled.add(set);
}

function packetsOf(statements: readonly Json[]): number | undefined {
  for (const statement of statements) {
    const packets = numberOf(fieldsOf(statement, 'counter')?.packets);
    if (packets !== undefined) return packets;
  }
  return undefined;
}

function addSet(table: TableDraft, fields: JsonObject, at: string): boolean {
  const name = textOf(fields.name);
  const keyTypes = typesOf(fields.type, table);
  if (name === undefined || keyTypes.length === 0) return false;
  const draft: SetDraft = {
    name,
    at,
    keyTypes,
    isDynamic: wordsIn(fields.flags).includes('dynamic'),
    elements: [...listOf(fields.elem)],
  };
  if (fields.map !== undefined) draft.dataTypes = typesOf(fields.map, table);
  table.sets.set(name, draft);
  return true;
}

/** `ipv4_addr`, `["ipv4_addr", "mark"]`, `ipv4_addr . mark`, and since 1.1 `{"typeof": …}`. */
function typesOf(json: Json | undefined, table: TableDraft): readonly string[] {
  const declared = taggedOf(json);
  if (declared?.tag === 'typeof') return typesOfExpression(declared.body, table);
  return wordsIn(json).flatMap((word) => word.split(' . '));
}

function typesOfExpression(expression: Json, table: TableDraft): readonly string[] {
  const parts = taggedOf(expression)?.tag === 'concat' ? listOf(taggedOf(expression)?.body) : [expression];
  return parts.map((part) => typeOfExpression(part, table.family));
}

/** Elements that stand apart from their set, as `nft monitor` and some exports print them. */
function addElements(table: TableDraft, fields: JsonObject): boolean {
  const set = table.sets.get(textOf(fields.name) ?? '');
  if (set === undefined) return false;
  set.elements.push(...listOf(fields.elem));
  return true;
}
