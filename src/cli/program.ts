// All commands with their options. In: how the program was called. Out: the command tree; what a command does is loaded
// when it runs, so building this loads nothing but the names.
import { basename } from 'node:path';
import { Command } from 'commander';
import { registerCollect } from './commands/collect.ts';
import { registerCompletion } from './commands/completion.ts';
import { registerDiagnose } from './commands/diagnose.ts';
import { registerExplain } from './commands/explain.ts';
import { registerFix } from './commands/fix.ts';
import { registerLab } from './commands/lab.ts';
import { registerSchema } from './commands/schema.ts';
import { registerTrace } from './commands/trace.ts';
import { registerVersion } from './commands/version.ts';
import type { Settle } from './exit-code.ts';
import { formatComplaint } from './print-notes.ts';
import { chooseErrorStyle } from './terminal.ts';
import { readVersion } from './version.ts';

export function buildProgram(calledAs: string, settle: Settle): Command {
  const program = new Command(programName(calledAs))
    .description(
      'Finds where packets get waylaid between Kubernetes and Tailscale, proves why, and says how to fix it.',
    )
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .showSuggestionAfterError()
    .addHelpText('after', helpTail);
  registerDiagnose(program, settle);
  registerTrace(program, settle);
  registerExplain(program);
  registerFix(program, settle);
  registerCollect(program);
  registerLab(program);
  registerSchema(program);
  registerCompletion(program);
  registerVersion(program);
  for (const command of allCommands(program)) adoptManners(command);
  return program;
}

/** As a kubectl plugin the help shows what the user typed. */
export function programName(calledAs: string): string {
  return basename(calledAs).startsWith('kubectl-') ? 'kubectl waylaid' : 'waylaid';
}

const helpTail = `
Without a command: diagnose.

Exit codes:
  0  everything that was judged arrives
  1  at least one root cause was found
  2  wrong usage, or waylaid itself failed
  3  not enough evidence to say`;

function allCommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

/** Errors end in one sentence and exit 2 for every command, whoever brought it along. */
function adoptManners(command: Command): void {
  command.exitOverride().configureOutput({
    outputError: (text) => {
      const message = text
        .replace(/^error: /, '')
        .trim()
        .replace(/\n\(([^)]*)\)$/, ' ($1)');
      process.stderr.write(
        formatComplaint(`${message}${/[.?)]$/.test(message) ? '' : '.'}`, chooseErrorStyle()),
      );
    },
  });
}
