#!/usr/bin/env node
// The command. In: the process's arguments. Out: an exit code, set here and nowhere else. The version is answered before
// the program is loaded, so that `waylaid --version` costs no more than Node does. Built as CommonJS: Node gets ready for
// ES modules only where it meets one.
import { loadProgram } from './start/load-program.ts';
import type * as Program from './run-command.ts';

const words = process.argv.slice(2);

if (words.length === 1 && (words[0] === '--version' || words[0] === '-V')) {
  // The same as readVersion(), which is in the program.
  process.stdout.write(`${process.env.WAYLAID_VERSION ?? 'development'}\n`);
} else run().catch(refuse);

async function run(): Promise<void> {
  // What Node itself answers where a module never finishes: a command that hangs half-way must not look like a success.
  const markUnfinished = (): void => void (process.exitCode ??= 13);
  process.once('exit', markUnfinished);
  const program = loadProgram(__dirname, process.env.WAYLAID_PROGRAM ?? '');
  const { runCommand } = program.exports as typeof Program;
  const { exitCode, hasJudged } = await runCommand(process.argv);
  process.exitCode = exitCode;
  process.removeListener('exit', markUnfinished);
  // Only after a run that went all the way: code of the help alone would spare the next diagnosis nothing.
  if (hasJudged) program.keep();
}

/** runCommand throws nothing: this is an installation with a file missing or damaged. */
function refuse(error: unknown): void {
  process.exitCode = 2;
  const said = error instanceof Error ? error.message : String(error);
  process.stderr.write(`waylaid: the program cannot be loaded (${said}). Install waylaid again.\n`);
}
