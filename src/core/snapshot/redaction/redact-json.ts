// Redacts a JSON text string by string: the result is JSON again, of the same layout.
// In: the text, and whether it is a Secret's own content (`strict`) or any other file. Out: the redacted text; in strict mode
// undefined for what is no JSON. From the first character on that is not JSON, a text is redacted as plain text, but in a file
// of Secrets it is left out: there nothing shows which of the remaining strings are harmless.
import { decodeBase64Text, encodeBase64Text } from './base64.ts';
import { findJsonRoles } from './json-roles.ts';
import type { JsonRoles } from './json-roles.ts';
import { readString, scanJson } from './json-strings.ts';
import type { Bracket } from './json-strings.ts';
import type { Pseudonyms } from './pseudonyms.ts';
import { redactNames } from './redact-names.ts';
import { redactText } from './redact-text.ts';
import { redactSecretValue } from './secret-value.ts';
import { isSensitiveName } from './sensitive-name.ts';
import { redactSensitive } from './sensitive-value.ts';

export interface JsonOptions {
  readonly mode: 'facts' | 'strict';
  /** Every object's `data` is a Secret's, whatever the objects call themselves: a raw list's items have no kind. */
  readonly isSecretList: boolean;
  readonly depth: number;
}

interface Frame {
  readonly bracket: Bracket;
  /** The member's name under which this stands; inherited by an array's elements. */
  readonly under: string;
  readonly content: 'secret' | 'secret-data' | 'secret-text' | 'plain';
  readonly variable: string | undefined;
  member: string;
  previous: string;
}

interface Walk {
  readonly text: string;
  readonly options: JsonOptions;
  readonly pseudonyms: Pseudonyms;
  readonly roles: JsonRoles;
  readonly frames: Frame[];
  readonly pieces: string[];
  copied: number;
}

export function redactJson(text: string, options: JsonOptions, pseudonyms: Pseudonyms): string | undefined {
  const roles = findJsonRoles(text);
  const walk: Walk = { text, options, pseudonyms, roles, frames: [], pieces: [], copied: 0 };
  const stop = scanJson(text, {
    open: (bracket, offset) => void walk.frames.push(openFrame(walk, bracket, offset)),
    close: () => void walk.frames.pop(),
    name: (start, end) => {
      const name = readString(text, start, end);
      const frame = walk.frames.at(-1);
      if (frame !== undefined) frame.member = name;
      replaceToken(walk, { start, end }, name, redactNames(name, pseudonyms));
    },
    string: (start, end) => {
      const value = readString(text, start, end);
      replaceToken(walk, { start, end }, value, redactString(walk, value));
    },
    comment: (start, end) => {
      const comment = text.slice(start, end);
      replaceRaw(walk, { start, end }, redactText(comment, pseudonyms));
    },
  });
  if (stop < text.length) {
    if (options.mode === 'strict') return undefined;
    replaceRaw(walk, { start: stop, end: text.length }, redactRest(walk, stop));
  }
  walk.pieces.push(text.slice(walk.copied));
  return walk.pieces.join('');
}

interface Span {
  readonly start: number;
  readonly end: number;
}

function replaceToken(walk: Walk, span: Span, value: string, redacted: string): void {
  if (redacted !== value) replaceRaw(walk, span, JSON.stringify(redacted));
}

function replaceRaw(walk: Walk, span: Span, replacement: string): void {
  walk.pieces.push(walk.text.slice(walk.copied, span.start), replacement);
  walk.copied = span.end;
}

function openFrame(walk: Walk, bracket: Bracket, offset: number): Frame {
  const parent = walk.frames.at(-1);
  const under = parent === undefined ? '' : memberOf(parent);
  const isSecret = walk.options.isSecretList || walk.roles.secrets.has(offset);
  return {
    bracket,
    under,
    content: contentOf(parent, under, isSecret),
    variable: walk.roles.variables.get(offset),
    member: '',
    previous: '',
  };
}

function contentOf(parent: Frame | undefined, under: string, isSecret: boolean): Frame['content'] {
  if (parent?.content === 'secret-data' || parent?.content === 'secret-text') return parent.content;
  if (parent?.content === 'secret' && parent.bracket === '{') {
    if (under === 'data') return 'secret-data';
    if (under === 'stringData') return 'secret-text';
  }
  return isSecret ? 'secret' : 'plain';
}

function memberOf(frame: Frame): string {
  return frame.bracket === '{' ? frame.member : frame.under;
}

/** Names that objects have, so that a password of the same spelling is not searched for everywhere. */
const nameMembers = new Set([
  'name',
  'namespace',
  'hostname',
  'nodeName',
  'serviceName',
  'Hostname',
  'HostName',
  'kind',
]);
const personMembers = new Set(['DisplayName', 'ProfilePicURL']);

function redactString(walk: Walk, value: string): string {
  const { pseudonyms } = walk;
  const frame = walk.frames.at(-1);
  const name = frame === undefined ? '' : memberOf(frame);
  const previous = frame?.previous ?? '';
  if (frame?.bracket === '[') frame.previous = value;
  if (value === '') return value;
  if (frame?.content === 'secret-data') return redactSecretData(walk, name, value);
  if (frame?.content === 'secret-text' || walk.options.mode === 'strict')
    return redactDecoded(walk, name, value);
  if (nameMembers.has(name)) pseudonyms.observeName(value);
  if (personMembers.has(name)) return pseudonyms.person(value);
  const promised = promisedSecret(frame, name, previous);
  if (promised !== undefined) return redactNames(redactSensitive(promised, value, pseudonyms), pseudonyms);
  return redactEmbedded(walk, value) ?? redactText(value, pseudonyms);
}

/** The name that promises a secret: the variable's, the member's, or the flag's before it in a list of arguments. */
function promisedSecret(frame: Frame | undefined, name: string, previous: string): string | undefined {
  if (frame?.variable !== undefined && name === 'value') return frame.variable;
  if (frame?.bracket === '[' && /^--?[a-z][\w-]*$/i.test(previous) && isSensitiveName(previous))
    return previous;
  return isSensitiveName(name) && !isSecretReference(frame, name) ? name : undefined;
}

/** Traefik's basicAuth and digestAuth middlewares name their Secret so (traefik 3, dynamic configuration CRDs). */
function isSecretReference(frame: Frame | undefined, name: string): boolean {
  return name === 'secret' && (frame?.under === 'basicAuth' || frame?.under === 'digestAuth');
}

/** The annotation of `kubectl apply` holds the whole object once more; configuration often is JSON in a string. */
function redactEmbedded(walk: Walk, value: string): string | undefined {
  if (!/^\s*[[{]/.test(value) || !/[\]}]\s*$/.test(value) || walk.options.depth >= maxDepth) return undefined;
  const options: JsonOptions = { mode: 'facts', isSecretList: false, depth: walk.options.depth + 1 };
  return redactJson(value, options, walk.pseudonyms);
}

const maxDepth = 4;

/** `data` stays base64, of the redacted text; what is no text becomes a pseudonym as a whole. */
function redactSecretData(walk: Walk, name: string, encoded: string): string {
  const text = decodeBase64Text(encoded);
  if (text === undefined) return encodeBase64Text(walk.pseudonyms.secret(encoded));
  const redacted = (): string => {
    const changed = redactDecoded(walk, name, text);
    return changed === text ? encoded : encodeBase64Text(changed);
  };
  if (encoded.length >= 16) walk.pseudonyms.observeEncoded(encoded, redacted);
  return redacted();
}

function redactDecoded(walk: Walk, name: string, text: string): string {
  return redactSecretValue(name, text, walk.pseudonyms, (json, mode) => {
    if (walk.options.depth >= maxDepth) return undefined;
    return redactJson(json, { mode, isSecretList: false, depth: walk.options.depth + 1 }, walk.pseudonyms);
  });
}

export const leftOutMark = '«left out: not JSON from here on»';

function redactRest(walk: Walk, stop: number): string {
  const rest = walk.text.slice(stop);
  if (walk.options.isSecretList || walk.roles.secrets.size > 0 || rest.includes('"Secret"'))
    return leftOutMark;
  const frame = walk.frames.at(-1);
  const promised = promisedSecret(frame, frame === undefined ? '' : memberOf(frame), frame?.previous ?? '');
  // A file cut off inside a secret: what is left of it is secret too.
  if (rest.startsWith('"') && promised !== undefined) {
    return `"${redactSensitive(promised, rest.slice(1), walk.pseudonyms)}`;
  }
  return redactText(rest, walk.pseudonyms);
}
