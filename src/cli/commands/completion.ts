// `waylaid completion SHELL`: the script that makes a shell complete waylaid's words. The shell asks the hidden command
// `complete` while the user types (complete.ts).
import { Argument } from 'commander';
import type { Command } from 'commander';

const shells = ['bash', 'zsh', 'fish', 'powershell', 'kubectl'] as const;

export function registerCompletion(program: Command): void {
  program
    .command('completion')
    .description('print the completion script of a shell')
    .addArgument(
      new Argument('<shell>', 'which shell; kubectl: the program that kubectl asks').choices(shells),
    )
    .addHelpText('after', usage)
    .action(async (shell: (typeof shells)[number]) => {
      const { printCompletionScript } = await import('../complete.ts');
      printCompletionScript(shell);
    });
}

const usage = `
Now:         source <(waylaid completion bash)
For kubectl: waylaid completion kubectl > kubectl_complete-waylaid, executable, in a folder of PATH`;
