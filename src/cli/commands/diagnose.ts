// `waylaid diagnose`, and `waylaid` alone: judges everything that should work and prints the answer.
import { Option } from 'commander';
import type { Command } from 'commander';
import { addEvidenceOptions } from '../evidence-options.ts';
import type { EvidenceOptions } from '../evidence-options.ts';
import { exitCodeOfAnswer } from '../exit-code.ts';
import type { ExitCode, Settle } from '../exit-code.ts';
import { answerFormats } from '../answer-format.ts';
import type { AnswerFormat } from '../answer-format.ts';

interface DiagnoseOptions extends EvidenceOptions {
  readonly output: AnswerFormat;
}

export function registerDiagnose(program: Command, settle: Settle): void {
  const command = program
    .command('diagnose', { isDefault: true })
    .description('judge every flow that should work, name the root causes and the repairs that heal them');
  addEvidenceOptions(command)
    .addOption(
      new Option('-o, --output <format>', 'how to print the answer').choices(answerFormats).default('text'),
    )
    .action(async (options: DiagnoseOptions) => settle(await diagnose(options, program.name())));
}

async function diagnose(options: DiagnoseOptions, programName: string): Promise<ExitCode> {
  const { loadSnapshot } = await import('../load-snapshot.ts');
  const { judgeSnapshot } = await import('../../core/pipeline.ts');
  const { buildAnswer } = await import('../../core/report/build-answer.ts');
  const { printAnswer } = await import('../print-answer.ts');
  const answer = buildAnswer(judgeSnapshot(await loadSnapshot(options)));
  printAnswer(answer, { ...options, programName });
  if (options.lab !== undefined && (options.output === 'text' || options.output === 'wide')) {
    const { printMeasured } = await import('../measure-lab.ts');
    await printMeasured(options.lab);
  }
  return exitCodeOfAnswer(answer.verdict);
}
