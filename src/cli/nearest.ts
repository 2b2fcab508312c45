// What the user may have meant: the known names that are nearest to what was typed. In: a word and the names there are.
// Out: a few names, nearest first, none that is far off.

const mostNames = 3;

export function findNearest(word: string, names: readonly string[]): readonly string[] {
  const wanted = word.toLowerCase();
  const bound = Math.max(1, Math.floor(wanted.length / 3));
  return [...new Set(names)]
    .map((name) => ({ name, distance: distanceTo(wanted, name.toLowerCase()) }))
    .filter(({ distance }) => distance <= bound)
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, mostNames)
    .map(({ name }) => name);
}

/** ` Did you mean a, b or c?` or nothing. */
export function suggestNearest(word: string, names: readonly string[]): string {
  const nearest = findNearest(word, names);
  const last = nearest.at(-1);
  if (last === undefined) return '';
  const rest = nearest.slice(0, -1);
  return ` Did you mean ${rest.length === 0 ? last : `${rest.join(', ')} or ${last}`}?`;
}

/** A name that contains the word (or its last part) is nearly it, however long. */
function distanceTo(wanted: string, name: string): number {
  const distance = editDistance(wanted, name);
  const isPart = wanted.length >= 3 && (name.includes(wanted) || wanted.includes(`/${name}`));
  return isPart ? Math.min(distance, 1) : distance;
}

/** Insertions, deletions, replacements and swaps of neighbours (Damerau, restricted). */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current.push(
        Math.min(
          at(rows, row - 1, column) + 1,
          (current[column - 1] ?? 0) + 1,
          at(rows, row - 1, column - 1) + (isSame ? 0 : 1),
          isSwap ? at(rows, row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    rows.push(current);
  }
  return at(rows, a.length, b.length);
}

function at(rows: readonly (readonly number[])[], row: number, column: number): number {
  return rows[row]?.[column] ?? 0;
}
