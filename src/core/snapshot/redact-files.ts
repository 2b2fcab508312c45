// Redaction of a whole bundle: secrets, people and public places become pseudonyms that are the same in every file.
// In: the files, with a decoder and an encoder (the core knows no platform). Out: the same files, redacted; a file in which
// nothing was found keeps its bytes. Two passes over the files in path order: values are collected and numbered first, so the
// result does not depend on the order in which the files come.
import { createPseudonyms } from './redaction/pseudonyms.ts';
import type { Pseudonyms } from './redaction/pseudonyms.ts';
import { redactJson } from './redaction/redact-json.ts';
import { redactNames } from './redaction/redact-names.ts';
import { redactText } from './redaction/redact-text.ts';
import { redactYamlSecrets } from './redaction/redact-yaml-secrets.ts';
import { redactVirtualServers } from './redaction/virtual-servers.ts';
import { redactWireguardDump } from './redaction/wireguard-dump.ts';

/** A file to be; its text is asked for twice. */
export interface RedactionSource {
  readonly path: string;
  readonly text: () => string;
}

export interface Redactor {
  readonly redactFile: (path: string, text: string) => string;
  /** Names in the bundle may hold a tailnet's name or an address too (`certs/<name>.txt`). */
  readonly redactPath: (path: string) => string;
}

export interface TextCodec {
  readonly decode: (bytes: Uint8Array) => string;
  readonly encode: (text: string) => Uint8Array;
}

export function createRedactor(sources: Iterable<RedactionSource>): Redactor {
  const pseudonyms = createPseudonyms();
  const sorted = [...sources].sort((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path)));
  for (const source of sorted) {
    redactNames(source.path, pseudonyms);
    const text = source.text();
    observePrefixPairs(text, pseudonyms);
    redactOne(source.path, text, pseudonyms);
  }
  pseudonyms.seal();
  return {
    redactFile: (path, text) => redactOne(path, text, pseudonyms),
    redactPath: (path) => redactNames(path, pseudonyms),
  };
}

export function redactFiles(
  files: ReadonlyMap<string, Uint8Array>,
  codec: TextCodec,
): Map<string, Uint8Array> {
  const sources = [...files].map(([path, bytes]) => ({ path, text: () => codec.decode(bytes) }));
  const redactor = createRedactor(sources);
  const redacted = new Map<string, Uint8Array>();
  for (const [path, bytes] of files) {
    const text = codec.decode(bytes);
    const changed = redactor.redactFile(path, text);
    redacted.set(redactor.redactPath(path), changed === text ? bytes : codec.encode(changed));
  }
  return redacted;
}

const secretsFile = /(?:^|\/)secrets(?:\.v1)?\.json$/;

function redactOne(path: string, text: string, pseudonyms: Pseudonyms): string {
  if (/^\s*[[{]/.test(text) || secretsFile.test(path)) {
    const isSecretList = secretsFile.test(path) || /"kind"\s*:\s*"SecretList"/.test(text.slice(0, 10_000));
    return redactJson(text, { mode: 'facts', isSecretList, depth: 0 }, pseudonyms) ?? text;
  }
  const dumped = redactDump(path, text, pseudonyms);
  const withoutYaml = redactYamlSecrets(dumped, pseudonyms, (json, mode) =>
    redactJson(json, { mode, isSecretList: false, depth: 1 }, pseudonyms),
  );
  return redactText(withoutYaml, pseudonyms);
}

/** Dumps whose forms show nothing by themselves. */
function redactDump(path: string, text: string, pseudonyms: Pseudonyms): string {
  if (/(?:^|\/)wg\.txt$/.test(path)) return redactWireguardDump(text, pseudonyms);
  return /(?:^|\/)ip_vs\.txt$/.test(path) ? redactVirtualServers(text, pseudonyms) : text;
}

/** `ip -j addr` and `nft -j` spell a prefix as two members. */
const prefixPair =
  /"(?:local|addr|address|dst)"\s*:\s*"([0-9a-fA-F.:]+)"\s*,\s*"(?:prefixlen|len)"\s*:\s*(\d{1,3})\b/g;

function observePrefixPairs(text: string, pseudonyms: Pseudonyms): void {
  if (!/"(?:prefixlen|len)"/.test(text)) return;
  for (const [, address = '', length = ''] of text.matchAll(prefixPair)) {
    redactNames(`${address}/${length}`, pseudonyms);
  }
}
