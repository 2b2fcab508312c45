// Shell completion: the scripts, and the candidates for a half-typed line. In: the command tree and the words so far. Out:
// candidates on standard output in cobra's protocol (a line each, `:directive` last), which kubectl speaks too.
import tab, { script } from '@bomb.sh/tab';
import type { Command as CompletedCommand, RootCommand } from '@bomb.sh/tab';
import type { Command, Option } from 'commander';
import { diagnoses } from '../core/diagnose/catalogue.ts';
import { faults } from '../../lab/fault-list.ts';

type Shell = 'bash' | 'zsh' | 'fish' | 'powershell' | 'kubectl';

/** What kubectl 1.26 and later runs: `kubectl_complete-PLUGIN` with the words as arguments. */
const kubectlProgram = '#!/bin/sh\nexec kubectl-waylaid complete -- "$@"\n';

export function printCompletionScript(shell: Shell): void {
  if (shell === 'kubectl') process.stdout.write(kubectlProgram);
  else script(shell, 'waylaid', 'waylaid');
  // The script registers itself without file names, which an option that takes a path needs (@bomb.sh/tab 0.0.22).
  if (shell === 'bash') process.stdout.write('complete -o default -F __waylaid_complete waylaid\n');
}

/** `words`: what came behind `complete`, a `--` first. */
export function printCandidates(program: Command, words: readonly string[]): void {
  describe(tab, program);
  for (const command of program.commands) {
    if (command.name() === 'complete') continue;
    describeTree(command, command.name());
  }
  const typed = words[0] === '--' ? words.slice(1) : [...words];
  if (isPathNext(typed)) process.stdout.write(`${filesDirective}\n`);
  else tab.parse(typed);
}

/** Cobra's ShellCompDirectiveDefault: the shell completes file names. */
const filesDirective = ':0';

/** The last word is the one being typed; the one before it may be an option that takes a path. */
function isPathNext(typed: readonly string[]): boolean {
  const option = typed.at(-2) ?? '';
  if (['--bundle', '-b', '--kubeconfig'].includes(option)) return true;
  return typed[0] === 'collect' && (option === '--output' || option === '-o');
}

function describeTree(command: Command, path: string): void {
  const completed = tab.command(path, command.description());
  describe(completed, command);
  for (const child of command.commands) describeTree(child, `${path} ${child.name()}`);
}

function describe(completed: CompletedCommand | RootCommand, command: Command): void {
  for (const option of command.options) describeOption(completed, option);
  for (const argument of command.registeredArguments) {
    const choices = argument.argChoices ?? (command.name() === 'explain' ? codes() : []);
    completed.argument(
      argument.name(),
      (complete) => choices.forEach((choice) => complete(choice, '')),
      argument.variadic,
    );
  }
}

function describeOption(completed: CompletedCommand | RootCommand, option: Option): void {
  const name = option.long?.slice(2);
  if (name === undefined) return;
  const alias = option.short?.slice(1);
  const choices = option.argChoices ?? (name === 'fault' ? faults.map((fault) => fault.name) : []);
  if (option.isBoolean()) completed.option(name, option.description, alias);
  else
    completed.option(
      name,
      option.description,
      (complete) => choices.forEach((choice) => complete(choice, '')),
      alias,
    );
}

function codes(): readonly string[] {
  return diagnoses.map((diagnosis) => diagnosis.code);
}
