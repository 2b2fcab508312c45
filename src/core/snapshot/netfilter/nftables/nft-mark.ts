// `meta mark set …` and `ct mark set …`. Whatever is built of one mark, the other and constants by AND, OR, XOR and
// shifts of constants is, bit by bit, (own mark AND a) XOR (other mark AND b) XOR c; anything else is not understood.
import type { MarkEdit } from '../../filter-steps.ts';
import type { Json } from '../../cluster-facts.ts';
import { listOf, numberOf, objectOf } from '../../syntax/parse-json.ts';
import { taggedOf } from './nft-json.ts';

export type MarkField = 'mark' | 'connection-mark';

interface Bits {
  /** Which bits are taken from each mark, before `xor`. */
  readonly mark: number;
  readonly connection: number;
  readonly xor: number;
}

export function readMarkEdit(target: MarkField, value: Json): MarkEdit | undefined {
  const bits = readBits(value);
  if (bits === undefined) return undefined;
  const own = target === 'mark' ? bits.mark : bits.connection;
  const other = target === 'mark' ? bits.connection : bits.mark;
  if (other === 0) return { keep: own, xor: bits.xor };
  return { keep: own, from: target === 'mark' ? 'connection-mark' : 'mark', fromMask: other, xor: bits.xor };
}

/** The mark that `{"meta": {"key": "mark"}}` or `{"ct": {"key": "mark"}}` names. */
export function markFieldOf(expression: Json | undefined): MarkField | undefined {
  const tagged = taggedOf(expression);
  if (objectOf(tagged?.body)?.key !== 'mark') return undefined;
  if (tagged?.tag === 'meta') return 'mark';
  return tagged?.tag === 'ct' ? 'connection-mark' : undefined;
}

function readBits(expression: Json): Bits | undefined {
  const number = numberOf(expression);
  if (number !== undefined) return number >= 0 && number <= 0xffffffff ? constant(number) : undefined;
  const field = markFieldOf(expression);
  if (field === 'mark') return { mark: 0xffffffff, connection: 0, xor: 0 };
  if (field === 'connection-mark') return { mark: 0, connection: 0xffffffff, xor: 0 };
  const tagged = taggedOf(expression);
  const [first, ...rest] = listOf(tagged?.body);
  if (tagged === undefined || first === undefined || rest.length === 0) return undefined;
  return rest.reduce<Bits | undefined>((left, part) => {
    const right = readBits(part);
    return left === undefined || right === undefined ? undefined : combine(tagged.tag, left, right);
  }, readBits(first));
}

function constant(xor: number): Bits {
  return { mark: 0, connection: 0, xor };
}

function isConstant(bits: Bits): boolean {
  return bits.mark === 0 && bits.connection === 0;
}

function combine(operator: string, left: Bits, right: Bits): Bits | undefined {
  if (operator === '^') return exclusiveOr(left, right);
  if (!isConstant(right)) {
    if (isConstant(left) && operator !== '<<' && operator !== '>>') return combine(operator, right, left);
    // Bits that only one of the two can set: OR and XOR are the same.
    return operator === '|' && (reach(left) & reach(right)) === 0 ? exclusiveOr(left, right) : undefined;
  }
  const { xor } = right;
  if (operator === '&') return and(left, xor);
  if (operator === '|') return exclusiveOr(and(left, ~xor), right);
  if (!isConstant(left) || xor > 31) return undefined;
  if (operator === '<<') return constant((left.xor << xor) >>> 0);
  return operator === '>>' ? constant(left.xor >>> xor) : undefined;
}

function reach(bits: Bits): number {
  return bits.mark | bits.connection | bits.xor;
}

function and(bits: Bits, mask: number): Bits {
  return {
    mark: (bits.mark & mask) >>> 0,
    connection: (bits.connection & mask) >>> 0,
    xor: (bits.xor & mask) >>> 0,
  };
}

function exclusiveOr(left: Bits, right: Bits): Bits {
  return {
    mark: (left.mark ^ right.mark) >>> 0,
    connection: (left.connection ^ right.connection) >>> 0,
    xor: (left.xor ^ right.xor) >>> 0,
  };
}
