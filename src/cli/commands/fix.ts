// `waylaid fix`: the repairs with their proof and exact commands. Applying them exists for a lab only, so far.
import { Option } from 'commander';
import type { Command } from 'commander';
import { addEvidenceOptions, collectTexts } from '../evidence-options.ts';
import type { EvidenceOptions } from '../evidence-options.ts';
import type { ExitCode, Settle } from '../exit-code.ts';
import { Failure } from '../failure.ts';

const formats = ['text', 'json', 'yaml'] as const;

interface FixOptions extends EvidenceOptions {
  readonly dryRun?: boolean;
  readonly only?: readonly string[];
  readonly output: (typeof formats)[number];
}

export function registerFix(program: Command, settle: Settle): void {
  const command = program
    .command('fix')
    .description(
      'the repairs: what they heal and break in the model, the exact commands, and how to undo them',
    );
  addEvidenceOptions(command)
    .option('--dry-run', 'print the commands, run nothing')
    .option('--only <id>', 'only this repair, such as fix1 (repeatable)', collectTexts)
    .addOption(
      new Option('-o, --output <format>', 'how to print the repairs').choices(formats).default('text'),
    )
    .action(async (options: FixOptions) => settle(await fix(options, program.name())));
}

async function fix(options: FixOptions, programName: string): Promise<ExitCode> {
  const isDryRun = options.dryRun === true;
  if (!isDryRun && options.lab === undefined) {
    throw new Failure(
      `this version applies repairs in a lab only; ${programName} fix --dry-run prints the exact commands.`,
    );
  }
  const { loadSnapshot } = await import('../load-snapshot.ts');
  const { judgeSnapshot } = await import('../../core/pipeline.ts');
  const { buildAnswer } = await import('../../core/report/build-answer.ts');
  const { chooseRepairs, printRepairs } = await import('../print-repairs.ts');
  const answer = buildAnswer(judgeSnapshot(await loadSnapshot(options)));
  if (isDryRun || options.lab === undefined) {
    return printRepairs(answer, chooseRepairs(answer, options.only), options.output);
  }
  const { applyInLab } = await import('../apply-in-lab.ts');
  return applyInLab(answer, chooseRepairs(answer, options.only), options.lab);
}
