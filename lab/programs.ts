// Where the lab's own two programs are. They are bundled beside the command; from the sources they are found in dist/,
// or in the folder that WAYLAID_LAB_PROGRAMS names (tests build them there). Out comes a path, or an error that says how
// to get one.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Started with namespaces of its own; builds everything else. */
export function supervisorProgram(): string {
  return findProgram('lab-supervisor.js');
}

/** Runs in every pod and every machine. */
export function agentProgram(): string {
  return findProgram('lab-pod.js');
}

function findProgram(name: string): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const chosen = process.env['WAYLAID_LAB_PROGRAMS'];
  // A bundle's chunk stands one folder below the programs.
  const folders = [
    ...(chosen === undefined ? [] : [chosen]),
    here,
    join(here, '..'),
    join(here, '..', 'dist'),
  ];
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`the lab's program ${name} is not built; run: npm run build`);
  return found;
}
