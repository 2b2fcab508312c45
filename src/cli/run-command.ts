// Runs the command line: builds the commands, runs the one that was asked for, and turns whatever went wrong into one
// sentence on standard error. In: the process's arguments. Out: the exit code, and whether a judgement was reached.
import { CommanderError } from 'commander';
import type { Command } from 'commander';
import { chooseErrorStyle } from './terminal.ts';
import { exitCodes } from './exit-code.ts';
import type { ExitCode } from './exit-code.ts';
import { Failure, isBug, isInterruption } from './failure.ts';
import { suggestNearest } from './nearest.ts';
import { formatComplaint } from './print-notes.ts';
import { buildProgram } from './program.ts';

export interface CommandEnd {
  readonly exitCode: number;
  readonly hasJudged: boolean;
}

export async function runCommand(argv: readonly string[]): Promise<CommandEnd> {
  endQuietlyOnBrokenPipe();
  const settled: { code?: ExitCode } = {};
  try {
    const program = buildProgram(argv[1] ?? '', (code) => (settled.code = code));
    const words = argv.slice(2);
    if (words[0] === 'complete') {
      const { printCandidates } = await import('./complete.ts');
      printCandidates(program, words.slice(1));
      return endOf(exitCodes.fine);
    }
    refuseUnknownCommand(program, words[0]);
    await program.parseAsync(words, { from: 'user' });
    // Commands that other folders bring along set the process's own code.
    return endOf(settled.code ?? Number(process.exitCode ?? exitCodes.fine), settled.code !== undefined);
  } catch (error) {
    return endOf(reportError(error));
  }
}

function endOf(exitCode: number, hasJudged = false): CommandEnd {
  return { exitCode, hasJudged };
}

/** `waylaid | head`: whoever reads has had enough, which is nothing to complain about. */
function endQuietlyOnBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit();
      throw error;
    });
  }
}

/** Without this the default command would take the word for an argument of its own. */
function refuseUnknownCommand(program: Command, word: string | undefined): void {
  if (word === undefined || word.startsWith('-') || word === 'help') return;
  const names = program.commands.map((command) => command.name());
  if (names.includes(word)) return;
  const hint = suggestNearest(word, names);
  throw new Failure(
    `there is no command "${word}".${hint === '' ? ` ${program.name()} --help lists all.` : hint}`,
  );
}

function reportError(error: unknown): number {
  // Commander has said it already, through the output that buildProgram gave it.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.fine : exitCodes.failed;
  if (isInterruption(error)) return exitCodes.interrupted;
  const isDebugging = (process.env.WAYLAID_DEBUG ?? '') !== '';
  process.stderr.write(formatComplaint(describeError(error, isDebugging), chooseErrorStyle()));
  if (isDebugging && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  return exitCodes.failed;
}

function describeError(error: unknown, isDebugging: boolean): string {
  const message = error instanceof Error ? error.message : String(error);
  if (!isBug(error)) return message;
  const hint = isDebugging ? '' : ' Run it again with WAYLAID_DEBUG=1 to see where, and report it with that.';
  return `this is a bug in waylaid: ${message}.${hint}`;
}
