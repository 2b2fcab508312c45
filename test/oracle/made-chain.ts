// Chains made by hand for tests: rules given as the steps that they would be read into. A rule's source holds nothing, so
// a test that evaluates such chains has parseFilterRule replaced by readMadeRule.
import type { FilterProgram, ProgramChain } from '../../src/core/model/filter-program.ts';
import { parseAddress } from '../../src/core/net/address.ts';
import type { Address } from '../../src/core/net/address.ts';
import type {
  BaseChain,
  FilterChain,
  FilterRule,
  FilterSet,
  FilterTable,
  IpsetFact,
} from '../../src/core/snapshot/filter-facts.ts';
import type { FilterField, FilterStep, RuleBody } from '../../src/core/snapshot/filter-steps.ts';
import type { FilterPacket } from '../../src/core/trace/filter/filter-packet.ts';

const bodies = new WeakMap<FilterRule, RuleBody>();

export function readMadeRule(rule: FilterRule): RuleBody {
  const body = bodies.get(rule);
  if (body === undefined) throw new Error('the rule was not made by makeRule');
  return body;
}

export interface MadeOptions {
  readonly policy?: 'accept' | 'drop';
  readonly hook?: BaseChain['hook'];
  readonly origin?: FilterTable['origin'];
  readonly sets?: readonly FilterSet[];
  readonly ipsets?: readonly IpsetFact[];
}

/** The chain `main` is the base chain; the other names are chains of the same table. */
export function makePlace(
  chains: Readonly<Record<string, readonly (readonly FilterStep[])[]>>,
  options: MadeOptions = {},
): ProgramChain {
  const { policy = 'accept', hook = 'forward', origin = 'iptables-nft', sets = [], ipsets } = options;
  const base: BaseChain = { hook, type: 'filter', priority: 0, policy };
  const made = Object.entries(chains).map(([name, rules], number): [string, FilterChain] => [
    name,
    {
      name,
      at: `L${(number + 1) * 1000}`,
      ...(name === 'main' ? { base } : {}),
      rules: rules.map((steps, at) => makeRule(steps, `L${(number + 1) * 1000 + at + 1}`, origin)),
    },
  ]);
  const table: FilterTable = {
    family: 'ip',
    name: 'filter',
    origin,
    at: 'L1',
    isDormant: false,
    chains: new Map(made),
    sets: new Map(sets.map((set) => [set.name, set])),
  };
  const program: FilterProgram = {
    hooks: new Map(),
    bridgeHooks: new Map(),
    deviceHooks: new Map(),
    evidence: { path: 'nodes/n/iptables-save.txt' },
    ipsets:
      ipsets === undefined
        ? { known: false, reason: 'not-collected', path: 'ipset.txt' }
        : {
            known: true,
            value: new Map(ipsets.map((set) => [set.name, set])),
            evidence: { path: 'ipset.txt' },
          },
    gaps: [],
  };
  const main = table.chains.get('main');
  if (main === undefined) throw new Error('no chain is called main');
  return { owner: { table, path: 'save.txt', program }, chain: main };
}

function makeRule(steps: readonly FilterStep[], at: string, origin: FilterTable['origin']): FilterRule {
  const source: FilterRule['source'] =
    origin === 'nftables' ? { syntax: 'nft-text', text: '' } : { syntax: 'iptables', text: '' };
  const rule: FilterRule = { at, source };
  bodies.set(rule, { steps });
  return rule;
}

export function numberMatch(field: FilterField, from: number, to = from): FilterStep {
  return {
    kind: 'match',
    keys: [{ field }],
    isNegated: false,
    values: { kind: 'elements', elements: [{ key: [{ kind: 'number', from, to }] }] },
    text: `${field} ${from}`,
  };
}

export function addressMatch(field: FilterField, from: string, to = from): FilterStep {
  const value = { kind: 'address' as const, from: toAddress(from), to: toAddress(to) };
  return {
    kind: 'match',
    keys: [{ field }],
    isNegated: false,
    values: { kind: 'elements', elements: [{ key: [value] }] },
    text: `${field} ${from}`,
  };
}

export function nameMatch(field: FilterField, name: string, isPrefix = false): FilterStep {
  return {
    kind: 'match',
    keys: [{ field }],
    isNegated: false,
    values: { kind: 'elements', elements: [{ key: [{ kind: 'name', name, isPrefix }] }] },
    text: `${field} ${name}`,
  };
}

export function negate(step: FilterStep): FilterStep {
  return step.kind === 'match' || step.kind === 'ipset' ? { ...step, isNegated: !step.isNegated } : step;
}

export function toAddress(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

/** A new TCP connection from 10.0.0.1 port 40000 to 10.0.0.2 port 80, forwarded from eth0 to eth1. */
export function makePacket(change: Partial<FilterPacket> = {}): FilterPacket {
  const source = toAddress('10.0.0.1');
  const destination = toAddress('10.0.0.2');
  const tuple = { source, destination, sourcePort: 40000, destinationPort: 80 };
  const reply = { source: destination, destination: source, sourcePort: 80, destinationPort: 40000 };
  return {
    packet: { ...tuple, protocol: 'tcp', mark: 0, ttl: 64 },
    family: 4,
    inputLink: 'eth0',
    outputLink: 'eth1',
    connection: { state: 'new', direction: 'original', mark: 0, status: [], original: tuple, reply },
    lookups: { typeOf: () => 'unicast', routeLinkOf: () => 'eth1' },
    tcpFlags: 2,
    packetType: 'unicast',
    ...change,
  };
}
