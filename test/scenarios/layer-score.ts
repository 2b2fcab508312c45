// Precision and recall per layer, from what was found and what should have been: a cause counts as right only with its
// code, its layer and all its subjects.
interface Score {
  expected: number;
  found: number;
  right: number;
}

export interface ScoreBoard {
  readonly count: (expected: readonly string[], found: readonly string[]) => void;
  /** One line per layer, and one for bundles in which nothing is wrong. */
  readonly format: () => string;
}

export function openScoreBoard(): ScoreBoard {
  const layers = new Map<string, Score>();
  let clean = 0;
  let cleanAsSuch = 0;
  const scoreOf = (cause: string): Score => {
    const layer = cause.split(' ')[1] ?? '';
    const score = layers.get(layer) ?? { expected: 0, found: 0, right: 0 };
    layers.set(layer, score);
    return score;
  };
  return {
    count: (expected, found) => {
      for (const cause of expected) scoreOf(cause).expected++;
      for (const cause of found) scoreOf(cause).found++;
      for (const cause of found) if (expected.includes(cause)) scoreOf(cause).right++;
      if (expected.length > 0) return;
      clean++;
      if (found.length === 0) cleanAsSuch++;
    },
    format: () => {
      const rows = [...layers]
        .sort()
        .map(([layer, { expected, found, right }]) => [
          layer,
          `${expected}`,
          `${found}`,
          percent(right, found),
          percent(right, expected),
        ]);
      const table = [['layer', 'causes', 'found', 'precision', 'recall'], ...rows];
      return [
        ...table.map((row) => row.map((cell, index) => pad(cell, index)).join('  ')),
        `${cleanAsSuch} of ${clean} bundles without a fault were given no cause`,
      ].join('\n');
    },
  };
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(0)} %`;
}

function pad(cell: string, column: number): string {
  return column === 0 ? cell.padEnd(16) : cell.padStart(9);
}
