// What stands where a secret is expected: `password=…`, `--token …`, `"apiKey": "…"`.
// In: the value. Out: its pseudonym, or the value itself where it is none: empty, a reference to a variable, a file's path,
// masked already. A value that was treated before (a URL without its password, a key with its prefix) stays as treated.
import { holdsPseudonym } from './pseudonyms.ts';
import type { Pseudonyms } from './pseudonyms.ts';

const placeholders =
  /^(?:[*x.•-]+|[0-]+|<[^>]*>|\[[a-z ]*\]|\$\(?\{?\w+(?::-)?\}?\)?|\{\{.*\}\}|%\w|null|nil|none|true|false|yes|no|on|off|redacted|\(?sensitive\)?|\d{1,3})$/i;
/** Where files with secrets lie; a secret may begin with a slash too, but not like this. */
const filePath =
  /^(?:file:\/\/)?(?:\/(?:etc|var|run|root|home|usr|opt|tmp|mnt|data|srv|host|secrets?)\/|\.{1,2}\/)/;
/** Structured logs of Kubernetes programs name Secret objects so: `secret="kube-system/token"`. */
const objectReference = /^[a-z0-9][a-z0-9.-]*\/[a-z0-9][a-z0-9.-]*$/;

export function redactAssigned(name: string, value: string, pseudonyms: Pseudonyms): string {
  const trimmed = value.trim();
  if (trimmed === '' || placeholders.test(trimmed) || filePath.test(trimmed)) return value;
  if (holdsPseudonym(trimmed)) return value;
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed)) return value;
  if (/^secrets?$/i.test(name) && objectReference.test(trimmed)) return value;
  return pseudonyms.secret(trimmed);
}
