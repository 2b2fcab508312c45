// Which dump tells of which table. In: the dumps of a namespace and a family. Out: each table that the kernel runs once,
// with the dump it is read from, and the gaps.
//
//   legacy tables    the legacy dump; else the default dump where its tables are legacy ones
//   of iptables-nft  the iptables-nft dump; else the default dump where its tables are iptables-nft's: it has the DNAT
//                    targets, sets and ports that `nft` prints as `xt …`; a table that it does not show (tailscaled's
//                    native rules in `ip filter` keep iptables-nft-save from printing it) is taken from nft's listing
//   native tables    nft's listing
//
// What is missing leaves a gap only where something says that it may hold tables:
//
//   legacy    missing because the command is not there, or nobody asked, while another dump is known: no gap (nothing
//             tells of legacy tables); missing because it failed, was cut off or could not be read: a gap. A default dump
//             that failed is a gap of the same kind, unless nf_tables explains it: iptables-nft-save failed too, or
//             nft's listing shows tables under iptables' names.
//   nf_tables nft's listing shows every table, so with it there is no gap. Without it: a gap for native tables unless
//             there is no `nft` (then nothing tells of any), and for each table that iptables-nft-save says it cannot show;
//             and if iptables-nft's dump is missing as well because it
//             failed, a gap for its tables.
//
// Nothing known at all is missing as a whole; so is a filter of which iptables' own part is damaged, since what the cluster's
// programs wrote would be taken to be absent.
import { missing, present } from '../../fact/known.ts';
import type { Known, Missing } from '../../fact/known.ts';
import type { Family } from '../../net/address.ts';
import type {
  FilterDump,
  FilterFacts,
  FilterFamily,
  FilterOrigin,
  FilterTable,
} from '../../snapshot/filter-facts.ts';
import type { FilterGap } from '../filter-program.ts';

export interface ChosenTable {
  readonly table: FilterTable;
  readonly path: string;
}

export interface ChosenTables {
  /** Legacy tables first; then nf_tables' in the order of their listing. */
  readonly tables: readonly ChosenTable[];
  readonly gaps: readonly FilterGap[];
}

interface Dumps {
  readonly byDefault: Known<FilterDump>;
  readonly legacy: Known<FilterDump>;
  readonly nft: Known<FilterDump>;
  readonly listing: Known<FilterDump>;
  readonly family: Family;
}

const namesOfIptables: ReadonlySet<string> = new Set(['raw', 'mangle', 'nat', 'filter', 'security']);

export function chooseTables(facts: FilterFacts, family: Family): Known<ChosenTables> {
  const dumps: Dumps = {
    byDefault: facts.byDefault[family],
    legacy: facts.legacy[family],
    nft: facts.nft[family],
    listing: facts.nftables,
    family,
  };
  const known = [dumps.byDefault, dumps.legacy, dumps.nft, dumps.listing].find((dump) => dump.known);
  if (known?.known !== true) return firstMissing(dumps);
  const tables = [...listLegacy(dumps), ...listNfTables(dumps)];
  const gaps = [...listLegacyGaps(dumps), ...listNfTablesGaps(dumps)];
  const blind = gaps.find(({ missing: gap }) => gap !== dumps.listing && wasTried(gap));
  return blind === undefined ? present({ tables, gaps }, known.evidence) : blind.missing;
}

function firstMissing({ byDefault, legacy, nft, listing }: Dumps): Missing {
  for (const dump of [byDefault, legacy, nft, listing]) if (!dump.known) return dump;
  return missing('not-collected', '');
}

function listLegacy({ legacy, byDefault }: Dumps): readonly ChosenTable[] {
  return legacy.known ? tablesOf(legacy.value) : tablesOf(byDefault, 'iptables-legacy');
}

function listNfTables(dumps: Dumps): readonly ChosenTable[] {
  const { nft, byDefault, listing, family } = dumps;
  const twins = new Map(
    tablesOf(nft.known ? nft : byDefault, 'iptables-nft').map((one) => [nameTable(one.table), one]),
  );
  const chosen: ChosenTable[] = [];
  for (const one of tablesOf(listing)) {
    if (!isOfFamily(one.table.family, family)) continue;
    const name = nameTable(one.table);
    chosen.push(twins.get(name) ?? one);
    twins.delete(name);
  }
  return [...twins.values(), ...chosen];
}

function tablesOf(dump: Known<FilterDump> | FilterDump, origin?: FilterOrigin): readonly ChosenTable[] {
  if ('known' in dump) return dump.known ? tablesOf(dump.value, origin) : [];
  const { tables, path } = dump;
  return tables
    .filter((table) => origin === undefined || table.origin === origin)
    .map((table) => ({ table, path }));
}

function nameTable({ family, name }: FilterTable): string {
  return `${family} ${name}`;
}

function isOfFamily(table: FilterFamily, family: Family): boolean {
  if (table === 'inet' || table === 'bridge' || table === 'netdev') return true;
  return table === (family === 4 ? 'ip' : 'ip6');
}

function listLegacyGaps(dumps: Dumps): readonly FilterGap[] {
  const { legacy, byDefault, family } = dumps;
  if (legacy.known || tablesOf(byDefault, 'iptables-legacy').length > 0) return [];
  const what = `iptables-legacy's tables of IPv${family}`;
  if (wasTried(legacy)) return [{ what, missing: legacy }];
  if (!byDefault.known && wasTried(byDefault) && !isExplainedByNfTables(dumps))
    return [{ what: `the tables of IPv${family} that iptables-save shows`, missing: byDefault }];
  return [];
}

/** iptables-nft-save fails on tables that hold what is not iptables'; the default command is often the same program. */
function isExplainedByNfTables({ nft, listing, family }: Dumps): boolean {
  if (!nft.known && wasTried(nft)) return true;
  const own = family === 4 ? 'ip' : 'ip6';
  return tablesOf(listing).some(({ table }) => table.family === own && namesOfIptables.has(table.name));
}

function listNfTablesGaps({ nft, byDefault, listing, family }: Dumps): readonly FilterGap[] {
  if (listing.known) return [];
  const gaps: FilterGap[] = [...listUnprinted(nft.known ? nft : byDefault)];
  if (!nft.known && wasTried(nft) && tablesOf(byDefault, 'iptables-nft').length === 0)
    gaps.push({ what: `iptables-nft's tables of IPv${family}`, missing: nft });
  if (!isNotThere(listing)) gaps.push({ what: "nftables' own tables", missing: listing });
  return gaps;
}

/** Tables that iptables-nft-save saw and could not show (1.8.9: "is incompatible, use 'nft' tool"). */
function listUnprinted(dump: Known<FilterDump>): readonly FilterGap[] {
  if (!dump.known) return [];
  return (dump.value.unprinted ?? []).map((name) => ({
    what: `the table ${name} of nf_tables`,
    missing: missing('unparseable', dump.value.path, `it says that ${name} is there and does not show it`),
  }));
}

/** The command is not there. */
function isNotThere({ reason }: Missing): boolean {
  return reason === 'not-installed' || reason === 'absent';
}

/** It is there, and what it would have shown is not. */
function wasTried(missing: Missing): boolean {
  return !isNotThere(missing) && missing.reason !== 'not-collected';
}
