// `waylaid explain [CODE]`: what a diagnosis means, how it is proved, how to fix it by hand, and where that can be checked.
import { Option } from 'commander';
import type { Command } from 'commander';

const formats = ['text', 'json'] as const;

interface ExplainOptions {
  readonly output: (typeof formats)[number];
}

export function registerExplain(program: Command): void {
  program
    .command('explain')
    .description(
      'what a diagnosis means, how it is proved and how to fix it by hand; without a code, all of them',
    )
    .argument('[code]', 'a code of the answer, such as "forwarding-off"')
    .addOption(new Option('-o, --output <format>', 'how to print it').choices(formats).default('text'))
    .action(async (code: string | undefined, options: ExplainOptions) => {
      const { printCatalogue, printExplanation } = await import('../print-explanation.ts');
      if (code === undefined) printCatalogue(options.output);
      else printExplanation(code, options.output);
    });
}
