// Prints the repairs of an answer, all or those that were asked for.
import type { Answer, AnswerRepair } from '../core/report/answer.ts';
import { formatYaml } from '../core/report/format-yaml.ts';
import { renderRepairs } from '../core/report/text/render-repairs.ts';
import { exitCodeOfAnswer, exitCodes } from './exit-code.ts';
import type { ExitCode } from './exit-code.ts';
import { Failure } from './failure.ts';
import { formatNotes } from './print-notes.ts';
import { chooseErrorStyle, chooseStyle } from './terminal.ts';

export function chooseRepairs(answer: Answer, only: readonly string[] | undefined): readonly AnswerRepair[] {
  if (only === undefined) return answer.repairs;
  const ids = answer.repairs.map((repair) => repair.id);
  const unknown = only.find((id) => !ids.includes(id));
  if (unknown !== undefined) {
    throw new Failure(
      `there is no repair "${unknown}"; ${ids.length === 0 ? 'there is none' : `there are ${ids.join(', ')}`}.`,
    );
  }
  return answer.repairs.filter((repair) => only.includes(repair.id));
}

/** Printing repairs is success; where there is none to print, the answer's verdict says whether that is good news. */
export function printRepairs(
  answer: Answer,
  repairs: readonly AnswerRepair[],
  format: 'text' | 'json' | 'yaml',
): ExitCode {
  process.stderr.write(formatNotes(answer.notes, chooseErrorStyle()));
  const document = { format: 'waylaid-repairs/1', verdict: answer.verdict, repairs };
  if (format === 'json') process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  else if (format === 'yaml') process.stdout.write(formatYaml(document));
  else if (repairs.length === 0) process.stdout.write(`${describeNothing(answer)}\n`);
  else {
    const style = chooseStyle(process.stdout, process.env, false);
    process.stdout.write(renderRepairs({ ...answer, repairs: [...repairs] }, style));
  }
  return repairs.length > 0 ? exitCodes.fine : exitCodeOfAnswer(answer.verdict);
}

export function describeNothing(answer: Answer): string {
  switch (answer.verdict) {
    case 'healthy':
      return 'Nothing to fix: everything that was judged arrives.';
    case 'broken':
      return 'No repair is known for what was found; waylaid diagnose says what it is.';
    case 'unknown':
      return 'Nothing to fix was found, but not everything could be judged; waylaid diagnose says what is missing.';
  }
}
