// Secrets that show by the name in front of them: `PGPASSWORD=…`, `"token": "…"`, `client-key-data: …`, `--token …`.
// In: a text of any kind (logs, configuration, arguments). Out: the text with those values replaced. A colon in running text
// is not an assignment (`failed to get token: context deadline exceeded` must stay readable); it is at a line's start, before a
// quoted value, in braces, or before something that can only be a token.
import { redactAssigned } from './assigned-value.ts';
import type { Pseudonyms } from './pseudonyms.ts';
import { isSensitiveName } from './sensitive-name.ts';
import { decodeUri } from './url-credentials.ts';

const assignment = /(?<![\w.-])([\w.-]{2,100})(\\*["'])?([ \t]*)([=:])([ \t]*)/g;
const flag = /(?<![\w-])(--?[A-Za-z][\w-]*)([ \t\0]+)(["']?)([^\s\0"'-][^\s\0"']*)/g;
const lineStart = /(?:^|\n)[ \t>#<*+-]*(?:export[ \t]+|set[ \t]+|\d+:[ \t]*)?\\*["']?$/;
const openQuote = /\\*["'`]/y;
const rawValue = /[^\s\0;&"'`<>|]+/y;
const lineValue = /[^\r\n]*/y;

/** A part of every name that promises a secret; most texts hold none. */
const anySensitivePart =
  /pass|pwd|secret|token|key|credential|psk|auth|cookie|jwt|bearer|[?&](?:code|state|sig|x-amz)/i;

export function redactAssignments(text: string, pseudonyms: Pseudonyms): string {
  if (!anySensitivePart.test(text)) return text;
  const flagged = text.includes('-') ? redactFlags(text, pseudonyms) : text;
  const pieces: string[] = [];
  let copied = 0;
  assignment.lastIndex = 0;
  for (;;) {
    const match = assignment.exec(flagged);
    if (match === null) break;
    const name = match[1] ?? '';
    if (!isSensitiveName(name) && !isAuthorizationCode(flagged, match.index, name)) continue;
    const found = findValue(flagged, match);
    if (found === undefined) continue;
    const isQuery = /[?&]/.test(flagged.charAt(match.index - 1));
    const value = isQuery ? decodeUri(found.value) : found.value;
    const redacted = redactAssigned(name, value, pseudonyms);
    if (redacted === value) continue;
    pieces.push(flagged.slice(copied, found.start), found.lead, redacted);
    copied = found.end;
    assignment.lastIndex = found.end;
  }
  if (copied === 0) return flagged;
  pieces.push(flagged.slice(copied));
  return pieces.join('');
}

function redactFlags(text: string, pseudonyms: Pseudonyms): string {
  return text.replace(flag, (whole, name: string, gap: string, quote: string, value: string) => {
    return isSensitiveName(name) ? name + gap + quote + redactAssigned(name, value, pseudonyms) : whole;
  });
}

/** `/auth/callback?code=…&state=…`: whoever has the code can log in as that person. */
function isAuthorizationCode(text: string, at: number, name: string): boolean {
  return (
    /^(?:code|state|sig|signature|x-amz-signature|x-amz-credential)$/i.test(name) &&
    /[?&]/.test(text.charAt(at - 1))
  );
}

interface FoundValue {
  readonly value: string;
  readonly start: number;
  readonly end: number;
  /** What must stand before the pseudonym: a block scalar's first line. */
  readonly lead: string;
}

function findValue(text: string, match: RegExpExecArray): FoundValue | undefined {
  const [whole, , , spaceBefore = '', separator, spaceAfter = ''] = match;
  const start = match.index + whole.length;
  const quote = matchAt(openQuote, text, start);
  if (quote !== undefined) return quotedValue(text, start + quote.length, quote);
  const isAtLineStart = lineStart.test(text.slice(text.lastIndexOf('\n', match.index - 1) + 1, match.index));
  if (separator === ':')
    return isAtLineStart ? restOfLine(text, start, match.index) : tokenAfterColon(text, start, match.index);
  if (spaceBefore === '' && spaceAfter === '') return raw(text, start);
  return isAtLineStart ? restOfLine(text, start, match.index) : undefined;
}

function raw(text: string, start: number): FoundValue | undefined {
  // In a list of settings the next one begins behind the comma (`joinKey=…,controlServerURL=…`).
  const value = matchAt(rawValue, text, start)?.replace(/,[\w.-]+=.*$|[,)}\]]+$/, '');
  return value === undefined ? undefined : { value, start, end: start + value.length, lead: '' };
}

function quotedValue(text: string, start: number, quote: string): FoundValue {
  let end = text.indexOf(quote, start);
  while (end > 0 && text[end - 1] === '\\' && !quote.startsWith('\\') && !isEscapedBackslash(text, end - 1)) {
    end = text.indexOf(quote, end + 1);
  }
  if (end < 0) end = start + (matchAt(lineValue, text, start)?.length ?? 0);
  return { value: text.slice(start, end), start, end, lead: '' };
}

function isEscapedBackslash(text: string, at: number): boolean {
  let count = 0;
  while (at - count >= 0 && text[at - count] === '\\') count++;
  return count % 2 === 0;
}

function restOfLine(text: string, start: number, nameAt: number): FoundValue | undefined {
  const line = matchAt(lineValue, text, start) ?? '';
  if (/^[|>][+-]?\d?[ \t]*$/.test(line)) return blockScalar(text, start + line.length, nameAt, line);
  const value = line.replace(/[ \t]+#.*$/, '').trimEnd();
  return value === '' ? undefined : { value, start, end: start + value.length, lead: '' };
}

/** YAML's `key: |`: the lines below that are indented deeper than the key. */
function blockScalar(
  text: string,
  lineEnd: number,
  nameAt: number,
  indicator: string,
): FoundValue | undefined {
  const keyIndent = nameAt - text.lastIndexOf('\n', nameAt - 1) - 1;
  const block = /(?:\r?\n(?:[ \t]*(?=\r?\n)|[ ]+[^\r\n]*))*/y;
  const below = matchAt(block, text, lineEnd) ?? '';
  const lines = below.split(/\r?\n/).slice(1);
  const count = lines.findIndex(
    (line) => line.trim() !== '' && line.length - line.trimStart().length <= keyIndent,
  );
  const own = count < 0 ? lines : lines.slice(0, count);
  const value = own
    .map((line) => line.trim())
    .join('\n')
    .trim();
  if (value === '') return undefined;
  const length =
    own.reduce((sum, line) => sum + line.length, 0) + own.length * (below.includes('\r\n') ? 2 : 1);
  const lead = `${indicator}\n${' '.repeat(keyIndent + 2)}`;
  return { value, start: lineEnd - indicator.length, end: lineEnd + length, lead };
}

function tokenAfterColon(text: string, start: number, nameAt: number): FoundValue | undefined {
  const found = raw(text, start);
  if (found === undefined || text.charAt(nameAt - 1) === '/') return undefined;
  const isInBraces = /[{,]\s*$/.test(text.slice(Math.max(0, nameAt - 20), nameAt));
  const isTokenLike = found.value.length >= 12 && /\d/.test(found.value) && /[a-z]/i.test(found.value);
  return isInBraces || isTokenLike ? found : undefined;
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}
