// Every place that an answer cites, and whether the bundle has it. In: an answer as plain JSON. Out: the citations; and of
// them those whose file is not there, whose place does not resolve, or whose quote is not what stands there.
export interface Citation {
  /** Where in the answer it is cited. */
  readonly citedAt: string;
  readonly path: string;
  readonly at?: string;
  readonly quote?: string;
}

/** Wherever an object has a string `path` and perhaps `at` and `quote`, under a key that holds evidence. */
export function listCitations(value: unknown, citedAt = ''): readonly Citation[] {
  if (Array.isArray(value))
    return value.flatMap((entry, index) => listCitations(entry, `${citedAt}/${index}`));
  if (typeof value !== 'object' || value === null) return [];
  const own = /\/(?:evidence|because)(?:\/\d+)?$/.test(citedAt) ? asCitation(value, citedAt) : [];
  return [
    ...own,
    ...Object.entries(value).flatMap(([key, field]) => listCitations(field, `${citedAt}/${key}`)),
  ];
}

function asCitation(value: object, citedAt: string): readonly Citation[] {
  if (!('path' in value) || typeof value.path !== 'string') return [];
  const at = 'at' in value && typeof value.at === 'string' ? { at: value.at } : {};
  const quote = 'quote' in value && typeof value.quote === 'string' ? { quote: value.quote } : {};
  return [{ citedAt, path: value.path, ...at, ...quote }];
}

export function findBadCitations(
  citations: readonly Citation[],
  read: (path: string) => string | undefined,
): readonly string[] {
  const parsed = new Map<string, unknown>();
  const jsonOf = (path: string, text: string): unknown => {
    if (!parsed.has(path)) parsed.set(path, JSON.parse(text));
    return parsed.get(path);
  };
  return citations.flatMap((citation) => {
    const text = read(citation.path);
    const told = `${citation.citedAt} cites ${citation.path} ${citation.at ?? ''}`;
    if (text === undefined) return [`${told}, which is not in the bundle`];
    const place = findPlace(citation, text, jsonOf);
    if (place === undefined) return [`${told}, which does not resolve`];
    return saysSo(place, citation.quote)
      ? []
      : [`${told} as “${citation.quote}”, and there stands: ${place.slice(0, 200)}`];
  });
}

function findPlace(
  { path, at }: Citation,
  text: string,
  jsonOf: (path: string, text: string) => unknown,
): string | undefined {
  if (at === undefined) return text;
  if (at.startsWith('L')) return text.split('\n')[Number(at.slice(1)) - 1];
  let value = jsonOf(path, text);
  for (const key of at.split('/').slice(1)) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[key.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return value === undefined ? undefined : JSON.stringify(value);
}

/** Quotes are as iproute2 prints a row, and the row may be JSON: each word must stand in it, whatever its key's name. */
function saysSo(place: string, quote: string | undefined): boolean {
  if (quote === undefined || place.includes(quote)) return true;
  return quote
    .replace(/\.\.\.$/, '')
    .split(/[\s=:]+/)
    .filter((word) => /\d/.test(word) || word.length > 12)
    .every((word) => place.includes(word.split('/')[0] ?? word));
}
