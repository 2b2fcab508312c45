// `nft list ruleset` (with `-a` or without) as tables, where a host's nft has no JSON. In: the file. Out: the same tables
// as from JSON; rules keep their line. Rules that iptables made are printed in a translation that leaves out what it
// cannot say, so tables of origin iptables-nft are better read from iptables-save.
import type { FilterDump, FilterRule } from '../../filter-facts.ts';
import type { BundleFile } from '../../bundle-file.ts';
import { notUnderstood, understood } from '../../syntax/reading.ts';
import type { Reading } from '../../syntax/reading.ts';
import { readLines } from '../../syntax/text-lines.ts';
import type { Line } from '../../syntax/text-lines.ts';
import { closesBlock, foldLines, withoutQuotes } from './nft-text-lines.ts';
import type { FoldedLine } from './nft-text-lines.ts';
import { parsePriority } from './nft-priority.ts';
import { addSetLine } from './nft-text-sets.ts';
import { buildBase, familyNamed, finishTable, startTable } from './nft-table-draft.ts';
import type { ChainDraft, SetDraft, TableDraft } from './nft-table-draft.ts';

interface Walk {
  readonly tables: TableDraft[];
  readonly compat: Set<string>;
  table?: TableDraft | undefined;
  /** What is open inside the table. `other`: an object that rules only refer to. */
  block?: ChainDraft | SetDraft | 'other' | undefined;
}

export function readNftText(file: BundleFile): Reading<FilterDump> {
  const lines = readLines(file);
  if (!lines.isUnderstood) return lines;
  const folded = foldLines(lines.value);
  if (folded.unclosed !== undefined) return cutOff(lines.value, folded.unclosed);
  const walk: Walk = { tables: [], compat: new Set() };
  for (const line of folded.lines) {
    if (!readLine(walk, line)) return notUnderstood(`not understood at line ${line.number}`);
  }
  if (walk.table !== undefined) return cutOff(lines.value, Number(walk.table.at.slice(1)));
  for (const table of walk.tables) table.isCompat ||= walk.compat.has(`${table.family} ${table.name}`);
  return understood({ path: file.path, tables: walk.tables.map((draft) => finishTable(draft)) });
}

function cutOff(lines: readonly Line[], opened: number): Reading<FilterDump> {
  return notUnderstood(`cut off at line ${lines.length} (what line ${opened} opens is not closed)`);
}

/** False where the line is not what can stand there. */
function readLine(walk: Walk, line: FoldedLine): boolean {
  const { text } = line;
  if (text === '') return true;
  if (text.startsWith('#')) {
    const managed = /^# Warning: table (\S+ \S+) is managed by iptables-nft/.exec(text)?.[1];
    if (managed !== undefined) walk.compat.add(managed);
    return true;
  }
  if (walk.table === undefined) return openTable(walk, line);
  if (walk.block === undefined) return readTableLine(walk, walk.table, line);
  if (closesBlock(text)) {
    walk.block = undefined;
    return true;
  }
  if (walk.block === 'other') return true;
  if ('rules' in walk.block) return addChainLine(walk.table, walk.block, line);
  addSetLine(walk.table, walk.block, text);
  return true;
}

function openTable(walk: Walk, { text, number }: FoldedLine): boolean {
  const found = /^table (?:(ip|ip6|inet|bridge|arp|netdev) )?(\S+) \{$/.exec(text);
  const family = familyNamed(found?.[1] ?? 'ip');
  if (found === null || family === undefined) return false;
  walk.table = startTable(family, found[2] ?? '', `L${number}`);
  walk.tables.push(walk.table);
  return true;
}

function readTableLine(walk: Walk, table: TableDraft, { text, number }: FoldedLine): boolean {
  if (closesBlock(text)) {
    walk.table = undefined;
    return true;
  }
  const flags = /^flags ([a-z, ]+);?$/.exec(text)?.[1];
  if (flags !== undefined) table.isDormant = flags.split(/[, ]+/).includes('dormant');
  if (flags !== undefined || text.startsWith('comment ')) return true;
  const opened = /^([a-z]+(?: [a-z]+)?) (\S+) \{$/.exec(text);
  if (opened === null) return false;
  walk.block = openBlock(table, opened[1] ?? '', opened[2] ?? '', `L${number}`);
  return true;
}

function openBlock(table: TableDraft, kind: string, name: string, at: string): NonNullable<Walk['block']> {
  if (kind === 'chain') {
    const chain: ChainDraft = { name, at, rules: [] };
    table.chains.set(name, chain);
    return chain;
  }
  if (kind !== 'set' && kind !== 'map') return 'other';
  const set: SetDraft = { name, at, keyTypes: [], isDynamic: false, elements: [] };
  table.sets.set(name, set);
  return set;
}

const baseLine =
  /^type (\w+) hook (\w+)(?: device "?([^"\s]+)"?| devices = \{([^}]*)\})? priority ([^;]+);(?: policy (\w+);?)?$/;

function addChainLine(table: TableDraft, chain: ChainDraft, line: FoldedLine): boolean {
  const { text } = line;
  if (text.startsWith('type ')) {
    const found = baseLine.exec(text);
    if (found === null) return false;
    const [, type, hook, device, devices = '', priority = '', policy] = found;
    const links = [device ?? '', ...devices.split(',')].map((link) => link.trim().replaceAll('"', ''));
    const base = buildBase({
      type,
      hook,
      policy,
      priority: parsePriority(priority, table.family),
      links: links.filter((link) => link !== ''),
    });
    if (base === undefined) return false;
    chain.base = base;
    return true;
  }
  // A chain's own comment; a rule cannot consist of one.
  if (/^comment "(?:[^"\\]|\\.)*"$/.test(text)) return true;
  chain.rules.push(buildRule(table, line));
  return true;
}

function buildRule(table: TableDraft, { text, number, handle }: FoldedLine): FilterRule {
  const plain = withoutQuotes(text);
  const packets = /\bcounter packets (\d+) bytes/.exec(plain)?.[1];
  const filled = /(?:^|\s)(?:add|update|delete) @(\S+)/.exec(plain)?.[1];
  if (filled !== undefined) table.filled.add(filled);
  if (/(?:^|\s)xt (?:match|target|watcher)\s/.test(plain)) table.isCompat = true;
  return {
    at: `L${number}`,
    source: { syntax: 'nft-text', text },
    ...(packets === undefined ? {} : { packets: Number(packets) }),
    ...(handle === undefined ? {} : { handle }),
  };
}
