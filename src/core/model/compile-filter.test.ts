// Which dump tells of which table, in which order base chains run, and where a missing dump leaves a gap.
import { describe, expect, it } from 'vitest';
import { missing, present } from '../fact/known.ts';
import type { Known, MissingReason } from '../fact/known.ts';
import type {
  BaseChain,
  FilterDump,
  FilterFacts,
  FilterFamily,
  FilterOrigin,
  FilterTable,
} from '../snapshot/filter-facts.ts';
import { compileFilter } from './compile-filter.ts';

interface TableSketch {
  readonly family?: FilterFamily;
  readonly name?: string;
  readonly hook?: BaseChain['hook'];
  readonly priority?: number;
  readonly isDormant?: boolean;
}

function makeTable(origin: FilterOrigin, sketch: TableSketch = {}): FilterTable {
  const { family = 'ip', name = 'filter', hook = 'forward', priority = 0, isDormant = false } = sketch;
  const base: BaseChain = { hook, type: 'filter', priority, policy: 'accept' };
  const chain = { name: 'FORWARD', at: 'L2', base, rules: [] };
  return {
    family,
    name,
    origin,
    at: 'L1',
    isDormant,
    chains: new Map([['FORWARD', chain]]),
    sets: new Map(),
  };
}

function dump(path: string, ...tables: readonly FilterTable[]): Known<FilterDump> {
  return present({ path, tables }, { path });
}

function none(reason: MissingReason = 'not-collected', path = 'x'): Known<FilterDump> {
  return missing(reason, path);
}

interface Dumps {
  readonly byDefault?: Known<FilterDump>;
  readonly legacy?: Known<FilterDump>;
  readonly nft?: Known<FilterDump>;
  readonly listing?: Known<FilterDump>;
}

function makeFacts({
  byDefault = none(),
  legacy = none(),
  nft = none(),
  listing = none(),
}: Dumps): FilterFacts {
  return {
    byDefault: { 4: byDefault, 6: none() },
    legacy: { 4: legacy, 6: none() },
    nft: { 4: nft, 6: none() },
    nftables: listing,
    ipsets: missing('not-collected', 'ipset.txt'),
    connections: missing('not-collected', 'conntrack.txt'),
  };
}

/** The base chains of the forward hook, as `path table`, and what is missing. */
function compile(dumps: Dumps): { chains: string[]; gaps: string[] } | string {
  const program = compileFilter(makeFacts(dumps), 4);
  if (!program.known) return program.reason;
  const { hooks, gaps } = program.value;
  return {
    chains: (hooks.get('forward') ?? []).map(({ owner }) => `${owner.path} ${owner.table.name}`),
    gaps: gaps.map(({ what, missing: gone }) => `${what}: ${gone.reason}`),
  };
}

const legacy = makeTable('iptables-legacy');
const byNft = makeTable('iptables-nft');
const inListing = makeTable('iptables-nft');

describe('compileFilter', () => {
  it('runs both back ends, and reads a table of iptables-nft from its own dump', () => {
    expect(
      compile({
        legacy: dump('legacy', legacy),
        nft: dump('nft', byNft),
        listing: dump(
          'list',
          inListing,
          makeTable('nftables', { family: 'inet', name: 'own', priority: 10 }),
        ),
      }),
    ).toEqual({ chains: ['legacy filter', 'nft filter', 'list own'], gaps: [] });
  });

  it('takes the default dump for the back end that it is of', () => {
    const listing = dump('list');
    expect(compile({ byDefault: dump('save', legacy), listing })).toEqual({
      chains: ['save filter'],
      gaps: [],
    });
    expect(compile({ byDefault: dump('save', byNft), listing })).toEqual({
      chains: ['save filter'],
      gaps: [],
    });
    expect(compile({ byDefault: dump('save', byNft), nft: dump('nft', byNft), listing })).toEqual({
      chains: ['nft filter'],
      gaps: [],
    });
  });

  it('takes a table from the listing where iptables-nft-save could not show it', () => {
    expect(
      compile({ byDefault: none('failed'), nft: none('failed'), listing: dump('list', inListing) }),
    ).toEqual({
      chains: ['list filter'],
      gaps: [],
    });
    // A default dump that failed by itself may hide legacy tables, which make the whole unknown, unless nf_tables explains it.
    expect(compile({ byDefault: none('failed'), listing: dump('list', inListing) })).toEqual({
      chains: ['list filter'],
      gaps: [],
    });
    expect(compile({ byDefault: none('failed'), listing: dump('list') })).toBe('failed');
  });

  it('names what may run unseen', () => {
    const nft = dump('nft', byNft);
    const listing = dump('list', inListing);
    expect(compile({ nft, listing, legacy: none('not-installed') })).toMatchObject({ gaps: [] });
    expect(compile({ nft })).toMatchObject({ gaps: ["nftables' own tables: not-collected"] });
    expect(compile({ nft, listing: none('not-installed') })).toMatchObject({ gaps: [] });
    expect(
      compile({ legacy: dump('legacy', legacy), nft: none('not-installed'), listing: none('failed') }),
    ).toEqual({
      chains: ['legacy filter'],
      gaps: ["nftables' own tables: failed"],
    });
  });

  it('knows nothing of a filter whose iptables part is damaged', () => {
    const listing = dump('list', inListing);
    expect(compile({ nft: dump('nft', byNft), listing, legacy: none('truncated') })).toBe('truncated');
    expect(compile({ legacy: dump('legacy', legacy), nft: none('unparseable') })).toBe('unparseable');
  });

  it('knows nothing where no dump is known', () => {
    expect(compile({ byDefault: none('forbidden'), nft: none('failed') })).toBe('forbidden');
  });

  it('orders by priority, the last registered first where they are equal, legacy before nf_tables', () => {
    expect(
      compile({
        legacy: dump('legacy', legacy),
        listing: dump(
          'list',
          makeTable('nftables', { family: 'inet', name: 'first' }),
          makeTable('nftables', { family: 'inet', name: 'second' }),
          makeTable('nftables', { family: 'inet', name: 'early', priority: -10 }),
          makeTable('nftables', { family: 'inet', name: 'asleep', isDormant: true }),
          makeTable('nftables', { family: 'ip6', name: 'other family' }),
          makeTable('nftables', { family: 'bridge', name: 'frames' }),
        ),
      }),
    ).toEqual({ chains: ['list early', 'legacy filter', 'list second', 'list first'], gaps: [] });
  });

  it('keeps bridge and device tables apart, and a program for the same facts', () => {
    const facts = makeFacts({
      listing: dump(
        'list',
        makeTable('nftables', { family: 'bridge', name: 'frames' }),
        makeTable('nftables', { family: 'netdev', name: 'device', hook: 'ingress' }),
      ),
    });
    const program = compileFilter(facts, 4);
    expect(compileFilter(facts, 4)).toBe(program);
    expect(program).toMatchObject({ known: true });
    if (!program.known) return;
    expect(program.value.hooks.size).toBe(0);
    expect([...program.value.bridgeHooks.keys()]).toEqual(['forward']);
    expect([...program.value.deviceHooks.keys()]).toEqual(['ingress']);
  });
});
