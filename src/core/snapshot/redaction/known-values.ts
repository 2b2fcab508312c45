// Finds secrets that are already known in places that nothing else marks as secret: a password in a log line.
// In: values with their pseudonyms, then texts. Out: the texts with each value replaced. All values are searched for in one
// walk over the text (a rolling hash over the shortest value's length), because a bundle may hold thousands of them.

/** Shorter or plainer values (`postgres`, `admin`) are also words and names, and replacing those would destroy facts. */
export function isSpecificValue(value: string): boolean {
  if (value.length < windowLength) return false;
  const hasDigit = /\d/.test(value);
  const hasLetter = /[a-z]/i.test(value);
  const isMixedCase = /[a-z]/.test(value) && /[A-Z]/.test(value);
  return (hasDigit && hasLetter) || (isMixedCase && value.length >= 12) || value.length >= 20;
}

const windowLength = 8;
const buckets = 1 << 16;
const multiplier = 16_777_619;

export function indexKnownValues(known: ReadonlyMap<string, string>): (text: string) => string {
  const byStart = new Map<string, string[]>();
  const filter = new Uint8Array(buckets);
  for (const value of known.keys()) {
    if (value.length < windowLength) continue;
    const start = value.slice(0, windowLength);
    const sharing = byStart.get(start);
    if (sharing === undefined) byStart.set(start, [value]);
    else sharing.push(value);
    filter[bucketOf(hashWindow(start))] = 1;
  }
  if (byStart.size === 0) return (text) => text;
  // Of two values at one place the longer is the one that was meant.
  for (const values of byStart.values()) values.sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  const valueAt = (text: string, position: number): string | undefined =>
    byStart
      .get(text.slice(position, position + windowLength))
      ?.find((value) => text.startsWith(value, position));

  return (text) => {
    if (text.length < windowLength) return text;
    const pieces: string[] = [];
    let copied = 0;
    let hash = hashWindow(text.slice(0, windowLength));
    for (let position = 0; position + windowLength <= text.length; position++) {
      if (filter[bucketOf(hash)] === 1 && position >= copied) {
        const value = valueAt(text, position);
        if (value !== undefined && !isInsidePseudonym(text, position)) {
          pieces.push(text.slice(copied, position), known.get(value) ?? '');
          copied = position + value.length;
        }
      }
      hash = roll(hash, text.charCodeAt(position), text.charCodeAt(position + windowLength));
    }
    if (copied === 0) return text;
    pieces.push(text.slice(copied));
    return pieces.join('');
  };
}

function hashWindow(window: string): number {
  let hash = 0;
  for (let index = 0; index < windowLength; index++) {
    hash = (Math.imul(hash, multiplier) + window.charCodeAt(index)) | 0;
  }
  return hash;
}

/** What the oldest letter of a window has been multiplied by when it leaves: multiplier ** windowLength, in 32 bits. */
const leadingFactor = new Array<number>(windowLength).fill(multiplier).reduce(Math.imul);

function roll(hash: number, leaving: number, entering: number): number {
  return (Math.imul(hash, multiplier) - Math.imul(leaving, leadingFactor) + entering) | 0;
}

function bucketOf(hash: number): number {
  return (hash ^ (hash >>> 16)) & (buckets - 1);
}

/** Whether the nearest guillemet before the position opens; pseudonyms are short. */
function isInsidePseudonym(text: string, position: number): boolean {
  const before = text.slice(Math.max(0, position - 20), position);
  return before.lastIndexOf('«') > before.lastIndexOf('»');
}
