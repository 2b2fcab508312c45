// MARK and CONNMARK as edits of marks. In: the target with its options. Out: its step, or undefined where it is not
// understood. xt_mark.c and xt_connmark.c (Linux 6.12) compute (mark & ~mask) ^ value for all of them.
import type { FilterStep, MarkEdit } from '../../filter-steps.ts';
import { parseMasked, parseNumber } from './literals.ts';
import { soleArgument } from './match-steps.ts';
import type { RuleClause, RuleOption } from './rule-parts.ts';

const allBits = 0xffffffff;

export function readMark(clause: RuleClause): FilterStep | undefined {
  const edit = readConstant(clause);
  return edit === undefined ? undefined : { kind: 'set-mark', target: 'mark', edit };
}

export function readConnmark(clause: RuleClause): FilterStep | undefined {
  const has = (name: string): boolean => clause.options.some((option) => option.name === name);
  if (has('--save-mark') || has('--restore-mark')) return readCopy(clause);
  const edit = readConstant(clause);
  return edit === undefined ? undefined : { kind: 'set-mark', target: 'connection-mark', edit };
}

function readConstant({ options }: RuleClause): MarkEdit | undefined {
  const [option] = options;
  if (option === undefined || options.length !== 1 || option.isNegated) return undefined;
  const argument = soleArgument(option);
  const masked = parseMasked(argument);
  const bits = parseNumber(argument);
  switch (option.name) {
    case '--set-xmark':
      return masked && { keep: ~masked.mask >>> 0, xor: masked.value };
    // The bits of the value are cleared as well as those of the mask.
    case '--set-mark':
      return masked && { keep: ~(masked.mask | masked.value) >>> 0, xor: masked.value };
    case '--and-mark':
      return bits === undefined ? undefined : { keep: bits, xor: 0 };
    case '--or-mark':
      return bits === undefined ? undefined : { keep: ~bits >>> 0, xor: bits };
    case '--xor-mark':
      return bits === undefined ? undefined : { keep: allBits, xor: bits };
    default:
      return undefined;
  }
}

/** --save-mark copies the packet's mark to the connection's, --restore-mark the other way round. */
function readCopy({ options }: RuleClause): FilterStep | undefined {
  const known = ['--save-mark', '--restore-mark', '--nfmask', '--ctmask', '--mask'];
  const isKnown = options.every((option) => known.includes(option.name) && !option.isNegated);
  const isSave = options.some((option) => option.name === '--save-mark');
  const isRestore = options.some((option) => option.name === '--restore-mark');
  const both = readMask(options, '--mask', allBits);
  const packetMask = both === undefined ? undefined : readMask(options, '--nfmask', both);
  const connectionMask = both === undefined ? undefined : readMask(options, '--ctmask', both);
  if (!isKnown || isSave === isRestore || packetMask === undefined || connectionMask === undefined)
    return undefined;
  const edit: MarkEdit = isSave
    ? { keep: ~connectionMask >>> 0, from: 'mark', fromMask: packetMask, xor: 0 }
    : { keep: ~packetMask >>> 0, from: 'connection-mark', fromMask: connectionMask, xor: 0 };
  return { kind: 'set-mark', target: isSave ? 'connection-mark' : 'mark', edit };
}

function readMask(options: readonly RuleOption[], name: string, absent: number): number | undefined {
  const option = options.find((candidate) => candidate.name === name);
  return option === undefined ? absent : parseNumber(soleArgument(option));
}
