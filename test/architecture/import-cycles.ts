// Cycles among files. In: imports as pairs of paths. Out: one cycle for each knot of files that import each other,
// starting and ending with the same path. Types count: two files that need each other's types are one idea.
interface Edge {
  readonly from: string;
  readonly target: string | undefined;
}

export function findCycles(edges: readonly Edge[]): readonly (readonly string[])[] {
  const targetsOf = new Map<string, string[]>();
  for (const { from, target } of edges) {
    if (target !== undefined) targetsOf.set(from, [...(targetsOf.get(from) ?? []), target]);
  }
  const cycles: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      cycles.push([...path.slice(at), file]);
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const target of targetsOf.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of targetsOf.keys()) visit(file);
  return cycles;
}
