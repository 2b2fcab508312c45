// nftables' language as words. In: a rule, or a set's elements. Out: tokens, where braces, parentheses, commas and
// semicolons stand alone; a colon or a dot is a token only with blanks around it, since addresses and ranges have them
// inside.
export interface Token {
  readonly text: string;
  readonly isQuoted: boolean;
  /** Where it begins, so that what is not understood can be kept as written. */
  readonly at: number;
}

/** What is left of a text while it is read. */
export interface TokenCursor {
  readonly source: string;
  readonly tokens: readonly Token[];
  next: number;
}

const pattern = /@(?:ll|nh|th|ih),\d+,\d+|"((?:[^"\\]|\\.)*)"|[{}(),;]|[^\s{}(),;"]+/g;

/** Undefined where a quote does not end. */
export function openTokens(source: string): TokenCursor | undefined {
  const tokens: Token[] = [];
  let end = 0;
  for (const found of source.matchAll(pattern)) {
    if (source.slice(end, found.index).trim() !== '') return undefined;
    end = found.index + found[0].length;
    const quoted = found[1];
    tokens.push({ text: quoted ?? found[0], isQuoted: quoted !== undefined, at: found.index });
  }
  return source.slice(end).trim() === '' ? { source, tokens, next: 0 } : undefined;
}

/** The next word, unless it is quoted: a quoted one is never a keyword. */
export function peekWord(cursor: TokenCursor, ahead = 0): string | undefined {
  const token = cursor.tokens[cursor.next + ahead];
  return token === undefined || token.isQuoted ? undefined : token.text;
}

export function takeToken(cursor: TokenCursor): Token | undefined {
  const token = cursor.tokens[cursor.next];
  if (token !== undefined) cursor.next++;
  return token;
}

/** Takes the next word when it is the one given. */
export function takeWord(cursor: TokenCursor, word: string): boolean {
  if (peekWord(cursor) !== word) return false;
  cursor.next++;
  return true;
}

export function isAtEnd(cursor: TokenCursor): boolean {
  return cursor.next >= cursor.tokens.length;
}

/** The text from a token on, up to another (without it) or to the end. */
export function textBetween(cursor: TokenCursor, from: number, to = cursor.tokens.length): string {
  const start = cursor.tokens[from]?.at ?? cursor.source.length;
  const end = cursor.tokens[to]?.at ?? cursor.source.length;
  return cursor.source.slice(start, end).trim();
}
