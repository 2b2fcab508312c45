// A base chain evaluated the way the kernel does it: one packet, one rule after the other, a stack of places to return to
// (nft_do_chain, Linux 6.12). It shares nothing with the trace's evaluation: what nobody knows is answered by the caller,
// and what is drawn as well, so that trying all answers gives everything that can happen.
import type { ProgramChain } from '../../src/core/model/filter-program.ts';
import { wordsOf } from '../../src/core/net/address.ts';
import type { FilterRule, FilterSetElement, FilterValue } from '../../src/core/snapshot/filter-facts.ts';
import type {
  FilterField,
  FilterKey,
  FilterStep,
  FilterValues,
} from '../../src/core/snapshot/filter-steps.ts';
import type { FilterPacket } from '../../src/core/trace/filter/filter-packet.ts';
import { readMadeRule } from './made-chain.ts';

/** Who answers: a question by its id, a draw by how many sides it has. */
export interface Answers {
  readonly doubt: (id: string) => boolean;
  readonly draw: (sides: number) => number;
}

interface Registers {
  mark: number;
  connectionMark: number;
  isUntracked: boolean;
  nat: string;
}

/** Everything that tells two ends apart. */
export function runSlowly(place: ProgramChain, packet: FilterPacket, answers: Answers): string {
  const { table } = place.owner;
  const registers: Registers = {
    mark: packet.packet.mark,
    connectionMark: packet.connection?.mark ?? 0,
    isUntracked: false,
    nat: '',
  };
  const end = (verdict: string): string =>
    [verdict, registers.mark, registers.connectionMark, registers.isUntracked, registers.nat].join(' ');
  const stack: { rules: readonly FilterRule[]; next: number }[] = [];
  let rules = place.chain.rules;
  let next = 0;
  for (;;) {
    const rule = rules[next++];
    if (rule === undefined) {
      const caller = stack.pop();
      if (caller === undefined) return end(place.chain.base?.policy ?? 'accept');
      ({ rules, next } = caller);
      continue;
    }
    const verdict = runOneRule({ place, packet, registers, answers }, rule);
    switch (verdict.kind) {
      case 'continue':
        break;
      case 'return':
        next = rules.length;
        break;
      case 'jump':
      case 'goto':
        if (verdict.kind === 'jump') stack.push({ rules, next });
        rules = table.chains.get(verdict.chain ?? '')?.rules ?? [];
        next = 0;
        break;
      default:
        return end(verdict.kind);
    }
  }
}

interface Site {
  readonly place: ProgramChain;
  readonly packet: FilterPacket;
  readonly registers: Registers;
  readonly answers: Answers;
}

interface Code {
  readonly kind: string;
  readonly chain?: string;
}

const goOn: Code = { kind: 'continue' };

function runOneRule(site: Site, rule: FilterRule): Code {
  const { steps } = readMadeRule(rule);
  for (let at = 0; at < steps.length;) {
    let end = at;
    while (end < steps.length && isQuestion(steps[end]!)) end++;
    if (end > at) {
      const isOpaque = steps.slice(at, end).some((step) => step.kind === 'opaque-match');
      const hasActed = steps.slice(0, end).some((step) => !isQuestion(step) && step.kind !== 'note');
      const holds = steps.slice(at, end).every((step) => isTrue(site, step));
      if (!holds) return goOn;
      if (isOpaque && !site.answers.doubt(`save.txt ${rule.at}${hasActed ? ` step ${end}` : ''}`))
        return goOn;
      at = end;
      continue;
    }
    const code = actOn(site, steps[at]!);
    if (code !== undefined) return code;
    at++;
  }
  return goOn;
}

function isQuestion({ kind }: FilterStep): boolean {
  return kind === 'match' || kind === 'chance' || kind === 'rate' || kind === 'opaque-match';
}

function isTrue(site: Site, step: FilterStep): boolean {
  if (step.kind === 'chance') return site.answers.draw(2) === 1;
  if (step.kind === 'rate') return !step.isOver;
  if (step.kind !== 'match') return true;
  const found = search(site, step.keys, step.values);
  return found !== 'break' && (found !== undefined) !== step.isNegated;
}

function search(
  site: Site,
  keys: readonly FilterKey[],
  values: FilterValues,
): FilterSetElement | undefined | 'break' {
  const read = keys.map((key) => readSlowly(site, key));
  if (read.includes(undefined)) return 'break';
  const elements =
    values.kind === 'elements'
      ? values.elements
      : (site.place.owner.table.sets.get(values.set)?.elements ?? []);
  return elements.find(({ key }) =>
    key.every((value, at) => (read[at] ?? []).some((one) => isInside(value, one))),
  );
}

type Reader = (site: Site, key: FilterKey) => (number | string)[] | undefined;

function isTracked({ packet, registers }: Site): boolean {
  return packet.connection !== undefined && packet.connection.state !== 'invalid' && !registers.isUntracked;
}

function portsOf({ packet }: FilterPacket, ...ports: number[]): number[] | undefined {
  return packet.protocol === 'icmp' ? undefined : ports;
}

const readers: Readonly<Partial<Record<FilterField, Reader>>> = {
  mark: ({ registers }) => [registers.mark],
  'connection-mark': (site) => (isTracked(site) ? [site.registers.connectionMark] : undefined),
  'connection-state': (site) => {
    if (isTracked(site)) return [site.packet.connection!.state];
    return [site.registers.isUntracked ? 'untracked' : 'invalid'];
  },
  protocol: ({ packet }) => [{ tcp: 6, udp: 17, icmp: 1 }[packet.packet.protocol]],
  'destination-port': ({ packet }) => portsOf(packet, packet.packet.destinationPort),
  'any-port': ({ packet }) => portsOf(packet, packet.packet.sourcePort, packet.packet.destinationPort),
  destination: ({ packet }) => [packet.packet.destination],
  source: ({ packet }) => [packet.packet.source],
  'input-link': ({ packet }) => [packet.inputLink ?? ''],
  random: ({ answers }, { modulus = 1 }) => [answers.draw(modulus)],
};

/** Draws are taken when they are read, one for each time. */
function readSlowly(site: Site, key: FilterKey): (number | string)[] | undefined {
  const { mask } = key;
  const read = readers[key.field];
  if (read === undefined) throw new Error(`${key.field} is not generated`);
  const values = read(site, key);
  if (mask === undefined) return values;
  return values?.map((value) => Number(BigInt(value) & BigInt(mask)));
}

function isInside(value: FilterValue, one: number | string): boolean {
  if (value.kind === 'number') return typeof one === 'number' && value.from <= one && one <= value.to;
  if (typeof one === 'number') return false;
  if (value.kind === 'name')
    return value.isPrefix ? one !== '' && one.startsWith(value.name) : one === value.name;
  const place = (text: string): number => wordsOf(text as typeof value.from)[3];
  return place(value.from) <= place(one) && place(one) <= place(value.to);
}

function actOn(site: Site, step: FilterStep): Code | undefined {
  const { registers, packet } = site;
  switch (step.kind) {
    case 'verdict':
      return step.verdict;
    case 'verdict-map': {
      const found = search(site, step.keys, step.values);
      return found === undefined || found === 'break' ? goOn : found.verdict;
    }
    case 'set-mark':
      return setMark(site, step);
    case 'nat':
      registers.nat = `${step.type} ${step.range.addresses?.from ?? ''}`;
      return { kind: 'accept' };
    case 'untrack':
      if (packet.connection === undefined || packet.connection.state === 'invalid')
        registers.isUntracked = true;
      return undefined;
    default:
      return undefined;
  }
}

function setMark(site: Site, step: Extract<FilterStep, { kind: 'set-mark' }>): Code | undefined {
  const { registers } = site;
  const { keep, from, fromMask = 0xffffffff, xor } = step.edit;
  if (!isTracked(site) && from === 'connection-mark') return goOn;
  const marks = { mark: registers.mark, 'connection-mark': registers.connectionMark };
  const other = from === undefined ? 0 : marks[from];
  const change = (BigInt(other) & BigInt(fromMask)) ^ BigInt(xor);
  const value = Number((BigInt(marks[step.target]) & BigInt(keep)) ^ change);
  if (step.target === 'mark') registers.mark = value;
  else if (isTracked(site)) registers.connectionMark = value;
  return undefined;
}
