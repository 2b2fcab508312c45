// A long chain's rules by what they demand exactly. In: the rules as they were written. Out: for a packet, the rules that
// it can match, in their order. A rule is filed under one exact demand that its text shows without being read: its
// destination, else its source, else its destination port; whatever shows none is in every answer. Only demands that
// come before anything else in the rule count: what stands before them happens to every packet.
import { parseAddress } from '../../net/address.ts';
import type { Address } from '../../net/address.ts';
import type { FilterRule } from '../../snapshot/filter-facts.ts';
import type { Json } from '../../snapshot/cluster-facts.ts';

/** What of a packet a rule is filed under. */
export interface PacketEnds {
  readonly source: Address;
  readonly destination: Address;
  readonly destinationPort: number;
}

interface FiledRule {
  readonly rule: FilterRule;
  readonly position: number;
}

type File = Map<string | number, FiledRule[]>;

export interface ChainIndex {
  readonly byDestination: File;
  readonly bySource: File;
  readonly byPort: File;
  /** Rules that show no exact demand. */
  readonly others: readonly FiledRule[];
}

interface Demand {
  readonly destination?: Address;
  readonly source?: Address;
  readonly port?: number;
}

export function buildChainIndex(rules: readonly FilterRule[]): ChainIndex {
  const byDestination: File = new Map();
  const bySource: File = new Map();
  const byPort: File = new Map();
  const others: FiledRule[] = [];
  for (const [position, rule] of rules.entries()) {
    const { destination, source, port } = readDemand(rule);
    const filed = { rule, position };
    if (destination !== undefined) fileUnder(byDestination, destination, filed);
    else if (source !== undefined) fileUnder(bySource, source, filed);
    else if (port !== undefined) fileUnder(byPort, port, filed);
    else others.push(filed);
  }
  return { byDestination, bySource, byPort, others };
}

export function findRules(index: ChainIndex, packet: PacketEnds): readonly FilterRule[] {
  const found = [
    ...(index.byDestination.get(packet.destination) ?? []),
    ...(index.bySource.get(packet.source) ?? []),
    ...(index.byPort.get(packet.destinationPort) ?? []),
  ];
  if (found.length === 0) return index.others.map(({ rule }) => rule);
  return [...index.others, ...found].sort((a, b) => a.position - b.position).map(({ rule }) => rule);
}

function fileUnder(file: File, key: string | number, filed: FiledRule): void {
  const rules = file.get(key);
  if (rules === undefined) file.set(key, [filed]);
  else rules.push(filed);
}

function readDemand({ source }: FilterRule): Demand {
  switch (source.syntax) {
    case 'iptables':
      return readIptablesDemand(source.text);
    case 'nft-json':
      return readJsonDemand(source.statements);
    case 'nft-text':
      return readTextDemand(source.text);
  }
}

const iptablesStart = /^(?:(! )?-s (\S+) ?)?(?:(! )?-d (\S+) ?)?/;
const quoted = /"(?:[^"\\]|\\.)*"/g;
const iptablesPort = / -m (?:tcp|udp|sctp|dccp) (?:! --sport \S+ |--sport \S+ )?--dport (\d+)(?= |$)/;

/** iptables-save prints the addresses first, and a port after its protocol's `-m`; a comment is one word or in quotes. */
function readIptablesDemand(text: string): Demand {
  const [, isNotSource, sourceText, isNotDestination, destinationText] = iptablesStart.exec(text) ?? [];
  const destination = isNotDestination === undefined ? readHost(destinationText) : undefined;
  if (destination !== undefined) return { destination };
  const source = isNotSource === undefined ? readHost(sourceText) : undefined;
  if (source !== undefined) return { source };
  const port = iptablesPort.exec(text.includes('"') ? text.replace(quoted, '""') : text)?.[1];
  return port === undefined ? {} : { port: Number(port) };
}

/** An address alone, or with the length that makes it one host. */
function readHost(text: string | undefined): Address | undefined {
  if (text === undefined) return undefined;
  const slash = text.indexOf('/');
  if (slash < 0) return parseAddress(text);
  if (text.slice(slash + 1) !== (text.includes(':') ? '128' : '32')) return undefined;
  return parseAddress(text.slice(0, slash));
}

const textStart = /^(?:ip6? saddr (\S+) )?(?:ip6? daddr (\S+) )?/;

function readTextDemand(text: string): Demand {
  const [, sourceText, destinationText] = textStart.exec(text) ?? [];
  const destination = readHost(destinationText);
  if (destination !== undefined) return { destination };
  const source = readHost(sourceText);
  return source === undefined ? {} : { source };
}

/** The matches that the rule begins with. */
function readJsonDemand(statements: readonly Json[]): Demand {
  const demand: { destination?: Address; source?: Address } = {};
  for (const statement of statements) {
    const match = fieldOf(statement, 'match');
    if (match === undefined) break;
    const right = fieldOf(match, 'right');
    if (fieldOf(match, 'op') !== '==' || typeof right !== 'string') continue;
    const payload = fieldOf(fieldOf(match, 'left'), 'payload');
    const address = readHost(right);
    if (address === undefined) continue;
    if (fieldOf(payload, 'field') === 'daddr' && isInternet(payload)) demand.destination = address;
    if (fieldOf(payload, 'field') === 'saddr' && isInternet(payload)) demand.source = address;
  }
  const { destination, source } = demand;
  if (destination !== undefined) return { destination };
  return source === undefined ? {} : { source };
}

function isInternet(payload: Json | undefined): boolean {
  const protocol = fieldOf(payload, 'protocol');
  return protocol === 'ip' || protocol === 'ip6';
}

function fieldOf(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return (value as Readonly<Record<string, Json>>)[name];
}
