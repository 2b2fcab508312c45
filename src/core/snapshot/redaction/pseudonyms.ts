// The table of pseudonyms of one bundle: the same value has the same one in every file.
// It works in two phases. While observing, values are only collected (the texts that come back are thrown away); `seal`
// numbers them in the order in which they were met. Numbers already in use in the input (it was redacted before) are left
// alone, so redacting twice changes nothing.
import type { Address } from '../../net/address.ts';
import { createAddressPlan } from './address-plan.ts';
import type { ReplacedAddress } from './address-plan.ts';
import { indexKnownValues, isSpecificValue } from './known-values.ts';

export interface Pseudonyms {
  /** `«secret-3»` */
  readonly secret: (value: string) => string;
  /** `user-2@redacted.example` */
  readonly person: (name: string) => string;
  /** `tail-000a`, of a tailnet's label in `<label>.ts.net` */
  readonly tailnet: (label: string) => string;
  readonly observeAddress: (address: Address, length?: number) => void;
  readonly address: (address: Address, length?: number) => ReplacedAddress;
  readonly isAddressObserved: (address: Address) => boolean;
  /** A name that objects have: a secret that is spelled the same is not searched for elsewhere. */
  readonly observeName: (name: string) => void;
  /** An encoded form of a text that holds secrets, and what stands for it. */
  readonly observeEncoded: (encoded: string, replace: () => string) => void;
  /** Replaces known secrets wherever they stand; does nothing while observing. */
  readonly replaceKnown: (text: string) => string;
  readonly seal: () => void;
}

const pseudonym = /«secret-(\d+)»/;

export function holdsPseudonym(text: string): boolean {
  return pseudonym.test(text);
}

export function createPseudonyms(): Pseudonyms {
  const secrets = numberValues((number) => `«secret-${number}»`);
  const people = numberValues((number) => `user-${number}@redacted.example`);
  const tailnets = numberValues((number) => `tail-${number.toString(16).padStart(4, '0')}`);
  const addresses = createAddressPlan();
  const names = new Set<string>();
  const encoded = new Map<string, () => string>();
  let replaceKnown = (text: string): string => text;
  const seal = (): void => {
    for (const numbers of [secrets, people, tailnets]) numbers.seal();
    addresses.seal();
    const known = new Map<string, string>();
    for (const value of secrets.values()) {
      if (!isSpecificValue(value) || names.has(value)) continue;
      for (const spelling of spellingsOf(value)) known.set(spelling, secrets.of(value));
    }
    for (const [text, replace] of encoded) {
      const replaced = replace();
      if (replaced !== text) known.set(text, replaced);
    }
    replaceKnown = indexKnownValues(known);
  };
  return {
    secret: secrets.of,
    person: (name) => people.of(name.toLowerCase()),
    tailnet: (label) => tailnets.of(label.toLowerCase()),
    observeAddress: addresses.observe,
    address: addresses.replace,
    isAddressObserved: addresses.isObserved,
    observeName: (name) => void names.add(name),
    observeEncoded: (text, replace) => void encoded.set(text, replace),
    replaceKnown: (text) => replaceKnown(text),
    seal,
  };
}

interface Numbering {
  /** The pseudonym of a value; a pseudonym's own text is kept, and its number never given to another value. */
  readonly of: (value: string) => string;
  readonly values: () => Iterable<string>;
  readonly seal: () => void;
}

function numberValues(spell: (number: number) => string): Numbering {
  const numbers = new Map<string, number>();
  const taken = new Set<string>();
  let next = 1;
  let isSealed = false;
  const assign = (value: string): string => {
    while (taken.has(spell(next))) next++;
    numbers.set(value, next);
    return spell(next++);
  };
  const isOwnSpelling = (value: string): boolean => {
    if (value.length > 40) return false;
    const digits = /([0-9a-f]+)(?:@|»|$)/.exec(value)?.[1] ?? '';
    return [Number.parseInt(digits, 10), Number.parseInt(digits, 16)].some(
      (number) => spell(number) === value,
    );
  };
  const of = (value: string): string => {
    if (isOwnSpelling(value)) {
      taken.add(value);
      return value;
    }
    const number = numbers.get(value);
    if (number !== undefined) return spell(number);
    if (isSealed) return assign(value);
    numbers.set(value, 0);
    return spell(0);
  };
  const seal = (): void => {
    for (const value of numbers.keys()) assign(value);
    isSealed = true;
  };
  return { of, values: () => numbers.keys(), seal };
}

/** As it stands, and as URLs and JSON texts spell it. */
function spellingsOf(value: string): Set<string> {
  return new Set([value, encodeUri(value), JSON.stringify(value).slice(1, -1)]);
}

function encodeUri(value: string): string {
  try {
    return encodeURIComponent(value);
  } catch {
    // A lone surrogate has no such form.
    return value;
  }
}
