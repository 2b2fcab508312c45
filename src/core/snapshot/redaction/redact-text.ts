// Redacts one text of no known structure: a log, a command's output, a string inside JSON.
// In: the text. Out: the same with secrets, people and places replaced. The order matters: forms that show by themselves
// first, then names in front of values, then values known from elsewhere in the bundle, then addresses.
import { redactAssignments } from './assignments.ts';
import { redactKeyMaterial } from './key-material.ts';
import type { Pseudonyms } from './pseudonyms.ts';
import { redactNames } from './redact-names.ts';
import { redactUrlCredentials } from './url-credentials.ts';

export function redactText(text: string, pseudonyms: Pseudonyms): string {
  return redactNames(pseudonyms.replaceKnown(redactSecrets(text, pseudonyms)), pseudonyms);
}

/** Without known values, people and places. */
export function redactSecrets(text: string, pseudonyms: Pseudonyms): string {
  observePseudonyms(text, pseudonyms);
  // Most strings of a bundle are short words, and no secret that shows by its form is shorter than this.
  if (text.length < 16 && !/[=:@\s$\0]/.test(text)) return text;
  const withoutKeys = redactKeyMaterial(text, pseudonyms);
  const withoutPasswords = redactUrlCredentials(withoutKeys, pseudonyms);
  return /[=:\s\0]/.test(withoutPasswords)
    ? redactAssignments(withoutPasswords, pseudonyms)
    : withoutPasswords;
}

/** Numbers that the text already uses, so that no other value gets them. */
function observePseudonyms(text: string, pseudonyms: Pseudonyms): void {
  if (!text.includes('«')) return;
  for (const [used] of text.matchAll(/«secret-\d+»/g)) pseudonyms.secret(used);
}
