// Where a statement comes from: a file of the bundle, a place in it, and the words that stand there.

/** One place in the bundle. `at` is a JSON pointer ("/14"), a line ("L14") or absent for the whole file. */
export interface Evidence {
  readonly path: string;
  readonly at?: string;
  readonly quote?: string;
}

/** A readable form: `nodes/n2/ip-route-4.json/14` or `nodes/n2/ip-route-4.txt:14`. */
export function evidenceLabel(evidence: Evidence): string {
  if (evidence.at === undefined) return evidence.path;
  return evidence.at.startsWith('L')
    ? `${evidence.path}:${evidence.at.slice(1)}`
    : `${evidence.path}${evidence.at}`;
}
