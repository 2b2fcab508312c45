// A table of nftables while it is read, and the finished table: the same for JSON and text.
import type {
  BaseChain,
  FilterFamily,
  FilterHook,
  FilterChain,
  FilterOrigin,
  FilterRule,
  FilterSet,
  FilterTable,
} from '../../filter-facts.ts';
import type { Json } from '../../cluster-facts.ts';
import { readElements } from './nft-elements.ts';
import type { ElementData } from './nft-elements.ts';
import { formatExpression } from './format-nft-expression.ts';
import { kindOfType } from './nft-keys.ts';

export interface ChainDraft {
  readonly name: string;
  readonly at: string;
  base?: BaseChain;
  readonly rules: FilterRule[];
}

export interface SetDraft {
  readonly name: string;
  readonly at: string;
  keyTypes: readonly string[];
  /** Of a map: the types of its data, or `verdict`. */
  dataTypes?: readonly string[];
  isDynamic: boolean;
  readonly elements: Json[];
  /** Text that was to be elements and is not understood. */
  opaque?: string;
}

export interface TableDraft {
  readonly family: FilterFamily;
  readonly name: string;
  readonly at: string;
  isDormant: boolean;
  readonly chains: Map<string, ChainDraft>;
  readonly sets: Map<string, SetDraft>;
  /** The sets that rules of the table fill. nft 1.0.6 leaves the flag `dynamic` out of its JSON. */
  readonly filled: Set<string>;
  /** A rule has an expression that only iptables makes, or nft said so. */
  isCompat: boolean;
}

export function startTable(family: FilterFamily, name: string, at: string): TableDraft {
  const isDormant = false;
  return {
    family,
    name,
    at,
    isDormant,
    chains: new Map(),
    sets: new Map(),
    filled: new Set(),
    isCompat: false,
  };
}

const families: readonly FilterFamily[] = ['ip', 'ip6', 'inet', 'bridge', 'arp', 'netdev'];

export function familyNamed(word: string | undefined): FilterFamily | undefined {
  return families.find((family) => family === word);
}

const hooks: readonly FilterHook[] = [
  'prerouting',
  'input',
  'forward',
  'output',
  'postrouting',
  'ingress',
  'egress',
];
const types: readonly BaseChain['type'][] = ['filter', 'nat', 'route'];

export interface BaseWords {
  readonly type: string | undefined;
  readonly hook: string | undefined;
  readonly priority: number | undefined;
  readonly policy: string | undefined;
  readonly links: readonly string[];
}

/** Undefined where the hook or the type is none that is known. A chain without a policy accepts. */
export function buildBase({
  type,
  hook,
  priority,
  policy = 'accept',
  links,
}: BaseWords): BaseChain | undefined {
  const knownType = types.find((known) => known === type);
  const knownHook = hooks.find((known) => known === hook);
  if (knownType === undefined || knownHook === undefined || priority === undefined) return undefined;
  if (policy !== 'accept' && policy !== 'drop') return undefined;
  const base = { type: knownType, hook: knownHook, priority, policy } as const;
  return links.length === 0 ? base : { ...base, links };
}

export function finishTable(draft: TableDraft): FilterTable {
  const chains = new Map<string, FilterChain>(draft.chains);
  const sets = new Map<string, FilterSet>();
  for (const [name, set] of draft.sets) sets.set(name, finishSet(set, draft.filled.has(name)));
  const { family, name, at, isDormant } = draft;
  return { family, name, origin: originOf(draft), at, isDormant, chains, sets };
}

function finishSet(draft: SetDraft, isFilled: boolean): FilterSet {
  const kinds = draft.keyTypes.map((type) => kindOfType(type));
  const { elements, opaque } = readElements(draft.elements, kinds, dataOf(draft));
  const texts = opaque.map((json) => (Array.isArray(json) ? JSON.stringify(json) : formatExpression(json)));
  if (draft.opaque !== undefined) texts.push(draft.opaque);
  const { name, at, keyTypes } = draft;
  const set = { name, at, keyTypes, isDynamic: draft.isDynamic || isFilled, elements };
  return texts.length === 0 ? set : { ...set, opaque: texts.join(', ') };
}

function dataOf({ dataTypes }: SetDraft): ElementData {
  if (dataTypes === undefined) return { kind: 'nothing' };
  if (dataTypes.length === 1 && dataTypes[0] === 'verdict') return { kind: 'verdict' };
  return { kind: 'values', kinds: dataTypes.map((type) => kindOfType(type)) };
}

/** iptables' base chains: table, chain, and with which type and priority iptables-nft (1.8.9) hooks them in. */
const compatTables: Readonly<Record<string, string>> = {
  filter: 'INPUT filter 0, FORWARD filter 0, OUTPUT filter 0',
  nat: 'PREROUTING nat -100, INPUT nat 100, OUTPUT nat -100, POSTROUTING nat 100',
  mangle:
    'PREROUTING filter -150, INPUT filter -150, FORWARD filter -150, OUTPUT route -150, POSTROUTING filter -150',
  raw: 'PREROUTING filter -300, OUTPUT filter -300',
  security: 'INPUT filter 50, FORWARD filter 50, OUTPUT filter 50',
};

/**
 * `iptables-nft` for the tables that iptables-nft-save prints: of family ip or ip6, named like one of iptables', and
 * either holding an expression that only iptables makes or with none but iptables' own base chains. Programs that write
 * such tables natively on purpose (tailscaled) count as well, and iptables renders part of its own matches natively:
 * a single rule does not tell who wrote it.
 */
function originOf(draft: TableDraft): FilterOrigin {
  const bases = compatTables[draft.name];
  if (bases === undefined || (draft.family !== 'ip' && draft.family !== 'ip6')) return 'nftables';
  if (draft.isCompat) return 'iptables-nft';
  const known = new Set(bases.split(', '));
  for (const { name, base } of draft.chains.values()) {
    if (base === undefined) continue;
    const isOwn = base.hook === name.toLowerCase() && known.has(`${name} ${base.type} ${base.priority}`);
    if (!isOwn) return 'nftables';
  }
  return 'iptables-nft';
}
