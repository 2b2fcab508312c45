// `waylaid schema`: the JSON Schema of the answer, for programs that read it.
import type { Command } from 'commander';

export function registerSchema(program: Command): void {
  program
    .command('schema')
    .description('print the JSON Schema of the answer (waylaid-answer/1)')
    .action(async () => {
      const { buildAnswerSchema } = await import('../../core/report/answer-schema.ts');
      process.stdout.write(`${JSON.stringify(buildAnswerSchema(), null, 2)}\n`);
    });
}
