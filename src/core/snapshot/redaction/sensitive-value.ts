// A whole value that is known to be secret by its name: a JSON member, a variable, an argument.
// In: the name and the value. Out: the value redacted, with what only tells its kind kept.
import { redactAssigned } from './assigned-value.ts';
import type { Pseudonyms } from './pseudonyms.ts';
import { redactSecrets } from './redact-text.ts';

/** A whole string under a name that promises a secret; keys keep their prefix, URLs everything but the password. */
export function redactSensitive(name: string, value: string, pseudonyms: Pseudonyms): string {
  const partly = redactSecrets(value, pseudonyms);
  if (partly !== value && isTreatedWhole(partly)) return partly;
  return redactAssigned(name, value, pseudonyms);
}

/** `tskey-auth-<id>-«secret-1»` and a key between its two PEM lines are; a sentence in which one word was found is not. */
export function isTreatedWhole(text: string): boolean {
  return (
    /^[\w:.-]{0,120}«secret-\d+»$|^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(text) ||
    /^-----BEGIN [^«]*«secret-\d+»\s*-----END [^-]*-----\s*$/.test(text)
  );
}
