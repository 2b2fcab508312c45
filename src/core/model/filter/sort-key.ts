// Values of rules and packets as texts that sort the way the values do, so that numbers, addresses and names are compared
// and hashed by one means. In: a value. Out: its text; the first letter says of which kind it is, so that a number never
// equals a name. A name's prefix pattern is the range of the names that start with it.
import { familyOf, wordsOf } from '../../net/address.ts';
import type { Address } from '../../net/address.ts';
import type { FilterValue } from '../../snapshot/filter-facts.ts';

/** What a packet has where a rule looks. */
export type PacketValue =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'address'; readonly value: Address }
  | { readonly kind: 'name'; readonly value: string };

export interface KeyRange {
  readonly from: string;
  readonly to: string;
}

export function makeSortKey(value: PacketValue): string {
  switch (value.kind) {
    case 'number':
      return numberKey(value.value);
    case 'address':
      return addressKey(value.value);
    case 'name':
      return `s${value.value}`;
  }
}

export function makeKeyRange(value: FilterValue): KeyRange {
  switch (value.kind) {
    case 'number':
      return { from: numberKey(value.from), to: numberKey(value.to) };
    case 'address':
      return { from: addressKey(value.from), to: addressKey(value.to) };
    case 'name':
      return value.isPrefix ? prefixRange(value.name) : { from: `s${value.name}`, to: `s${value.name}` };
  }
}

/** The names that begin so; the pattern without a beginning is every name, and not that there is none. */
function prefixRange(prefix: string): KeyRange {
  return { from: prefix === '' ? 's\u0001' : `s${prefix}`, to: `s${prefix}\uffff` };
}

function numberKey(value: number): string {
  return `n${value.toString(16).padStart(13, '0')}`;
}

function addressKey(address: Address): string {
  const family = familyOf(address);
  const words = wordsOf(address);
  if (family === 4) return `4${hexWord(words[3])}`;
  return `6${words.map(hexWord).join('')}`;
}

function hexWord(word: number): string {
  return word.toString(16).padStart(8, '0');
}
