// Reads the words of a command one after another: keywords with a value, and complaints that name the word.
import type { Address, Family } from '../../core/net/address.ts';
import { parseAddress } from '../../core/net/address.ts';
import { defaultPrefix, parsePrefix } from '../../core/net/prefix.ts';
import type { Prefix } from '../../core/net/prefix.ts';
import { Failure } from '../failure.ts';

export interface Words {
  readonly isEmpty: () => boolean;
  readonly next: () => string;
  /** Takes the next word if it is one of these. */
  readonly take: (...wanted: readonly string[]) => string | undefined;
  /** The value of a keyword. */
  readonly value: (keyword: string) => string;
}

export function readWords(words: readonly string[], command: string): Words {
  let index = 0;
  const isEmpty = (): boolean => index >= words.length;
  const next = (): string => words[index++] ?? '';
  return {
    isEmpty,
    next,
    take: (...wanted) => (!isEmpty() && wanted.includes(words[index] ?? '') ? next() : undefined),
    value: (keyword) => {
      if (isEmpty()) throw new Failure(`--what-if "${command}": nothing follows "${keyword}".`);
      return next();
    },
  };
}

export function numberWord(text: string, what: string): number {
  const value = /^(?:0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value) || value < 0 || value > 0xffffffff) {
    throw new Failure(`--what-if: ${what} takes a number, not "${text}".`);
  }
  return value;
}

/** `all` and `default` are the prefix of no length. */
export function prefixWord(text: string, family: Family): Prefix {
  if (text === 'all' || text === 'default' || text === 'any') return defaultPrefix(family);
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new Failure(`--what-if: "${text}" is no address and no prefix.`);
  return prefix;
}

export function addressWord(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Failure(`--what-if: "${text}" is no address.`);
  return address;
}

/** `N` or `N-M` (of `uidrange`) or `N/M`. */
export function rangeWord(text: string, what: string): { readonly from: number; readonly to: number } {
  const [from = '', to = from] = text.split('-');
  return { from: numberWord(from, what), to: numberWord(to, what) };
}
