// One value of a Secret. Everything in it is secret unless its shape is a fact about connections: an address, a host and port,
// a URL (without its password), a certificate, the state that tailscale keeps.
// In: the key and the decoded text. Out: the text with all that is not known to be harmless replaced.
import { parsePrefix } from '../../net/prefix.ts';
import type { Pseudonyms } from './pseudonyms.ts';
import { redactNames } from './redact-names.ts';
import { redactSecrets, redactText } from './redact-text.ts';
import { isSensitiveName } from './sensitive-name.ts';
import { isTreatedWhole } from './sensitive-value.ts';

/** What tailscale's containerboot and operator keep in state Secrets beside keys (tailscale 1.102, kube/kubetypes). */
const tailscaleFacts =
  /^(?:device_id|device_fqdn|device_ips|pod_uid|tailscale_capver|https_endpoint|_current-profile|serve-config(?:\.json)?|cap-\d+\.hujson|tailscaled)$/;
const hostHint =
  /(?:^|[^a-z])(?:host|hostname|addr|address|server|endpoint|domain|namespace|svc|service)s?(?:[^a-z]|$)/i;
const portHint = /port(?:s|[^a-z]|$)/i;
const hostAndPort = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?(?::\d{1,5})?$/i;
const localName =
  /^[a-z0-9.-]+\.(?:svc|local|internal|lan|arpa)(?:\.[a-z0-9.-]+)?(?::\d{1,5})?$|\.ts\.net(?::\d{1,5})?$/i;
const urlAlone = /^[a-z][a-z0-9+.:-]*:\/\/\S+$/i;
const pemBlocks = /-----BEGIN [A-Z0-9 ]+-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|$)/g;

/** How a JSON text inside a Secret is walked; handed in because that walk comes back here for each of its strings. */
export type JsonRedaction = (text: string, mode: 'facts' | 'strict') => string | undefined;

export function redactSecretValue(
  key: string,
  text: string,
  pseudonyms: Pseudonyms,
  redactJsonText: JsonRedaction,
): string {
  const trimmed = text.trim();
  if (trimmed === '') return text;
  if (tailscaleFacts.test(key)) return redactJsonText(text, 'facts') ?? redactText(text, pseudonyms);
  if (trimmed.includes('-----BEGIN ')) return redactPemBundle(text, pseudonyms);
  if (/^[[{]/.test(trimmed)) {
    const redacted = redactJsonText(text, 'strict');
    if (redacted !== undefined) return redacted;
  }
  if (trimmed.includes('\n')) return redactLines(text, pseudonyms);
  if (isConnectionFact(key, trimmed)) return redactNames(trimmed, pseudonyms);
  // `host=db password=…`, `Server=db;Password=…`: pairs are judged one by one.
  if (!urlAlone.test(trimmed) && isPairs(trimmed)) return redactPairs(trimmed, pseudonyms);
  const partly = redactSecrets(trimmed, pseudonyms);
  if (urlAlone.test(trimmed)) return redactNames(redactUrlTokens(partly, pseudonyms), pseudonyms);
  return isTreatedWhole(partly) ? partly : pseudonyms.secret(trimmed);
}

/** Webhooks are secret by their path: long parts of letters and digits mixed say nothing about a connection. */
function redactUrlTokens(text: string, pseudonyms: Pseudonyms): string {
  const pathStart = text.search(/[^:/][/?](?!\/)/) + 1;
  if (pathStart <= 0) return text;
  const tokens = /(?<![\w«-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{16,}(?![\w»-])/g;
  const path = text.slice(pathStart).replace(tokens, (token) => pseudonyms.secret(token));
  return text.slice(0, pathStart) + path;
}

function isConnectionFact(key: string, value: string): boolean {
  if (/^(?:true|false)$/i.test(value)) return true;
  if (portHint.test(key) && /^\d{1,5}(?:,\d{1,5})*$/.test(value)) return true;
  const parts = value.split(/[\s,]+/);
  if (parts.every(isAddressText)) return true;
  if (isSensitiveName(key)) return false;
  return parts.every((part) => localName.test(part) || (hostHint.test(key) && hostAndPort.test(part)));
}

function isAddressText(text: string): boolean {
  const withoutPort =
    /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text)?.[1] ?? text.replace(/^([\d.]+):\d{1,5}$/, '$1');
  return withoutPort !== '' && parsePrefix(withoutPort) !== undefined;
}

function redactPemBundle(text: string, pseudonyms: Pseudonyms): string {
  const pieces: string[] = [];
  let copied = 0;
  for (const block of text.matchAll(pemBlocks)) {
    pieces.push(redactLines(text.slice(copied, block.index), pseudonyms));
    // Certificates, requests and public keys are facts; private keys are found by their own form.
    pieces.push(/PRIVATE KEY/.test(block[0]) ? redactSecrets(block[0], pseudonyms) : block[0]);
    copied = block.index + block[0].length;
  }
  pieces.push(redactLines(text.slice(copied), pseudonyms));
  return pieces.join('');
}

const pairs = /^(?:[\w .-]+=[^;=\s][^;]*)(?:;[\w .-]+=[^;]*)*;?$|^(?:[\w.-]+=\S*)(?:\s+[\w.-]+=\S*)+$/;

function isPairs(text: string): boolean {
  // Base64 padding looks like an empty value.
  return pairs.test(text) && !/^[A-Za-z0-9+/]+={1,2}$/.test(text);
}

function redactPairs(text: string, pseudonyms: Pseudonyms): string {
  const separator = text.includes(';') ? /(;)/ : /(\s+)/;
  const redactPair = (pair: string): string => {
    const match = /^(\s*)([\w .-]+)=([^]*)$/.exec(pair);
    if (match === null) return pair.trim() === '' ? pair : pseudonyms.secret(pair);
    const [, indent = '', name = '', value = ''] = match;
    return `${indent}${name}=${redactSettingValue(name.trim(), value, pseudonyms)}`;
  };
  return text
    .split(separator)
    .map((part) => (part === ';' || /^\s*$/.test(part) ? part : redactPair(part)))
    .join('');
}

/** A file of settings (env, INI, YAML): names stay, each value is judged, any other line is secret as a whole. */
function redactLines(text: string, pseudonyms: Pseudonyms): string {
  return text
    .split('\n')
    .map((line) => redactLine(line, pseudonyms))
    .join('\n');
}

function redactLine(line: string, pseudonyms: Pseudonyms): string {
  if (/^\s*(?:\[[\w .-]+\]|---|\.\.\.)?\s*$/.test(line)) return line;
  const match = /^(\s*(?:- )?(?:export )?["']?([\w.-]+)["']?\s*[:=]\s*)(["']?)(.*?)(["']?[,;]?\s*)$/.exec(
    line,
  );
  if (match === null) return line.replace(/\S.*/, (rest) => keepPseudonym(rest, pseudonyms));
  const [, lead = '', name = '', quote = '', value = '', end = ''] = match;
  if (value === '' || /^(?:[|>][+-]?|[{}[\]]+)$/.test(value)) return line;
  return `${lead}${quote}${redactSettingValue(name, value, pseudonyms)}${end}`;
}

function redactSettingValue(name: string, value: string, pseudonyms: Pseudonyms): string {
  if (value === '') return value;
  if (urlAlone.test(value)) {
    return redactNames(redactUrlTokens(redactSecrets(value, pseudonyms), pseudonyms), pseudonyms);
  }
  if (isConnectionFact(name, value)) return redactNames(value, pseudonyms);
  return keepPseudonym(value, pseudonyms);
}

function keepPseudonym(value: string, pseudonyms: Pseudonyms): string {
  return pseudonyms.secret(value.trimEnd());
}
