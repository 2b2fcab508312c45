// Prints an answer: the result on standard output, what could not be read on standard error.
import type { Answer } from '../core/report/answer.ts';
import { formatYaml } from '../core/report/format-yaml.ts';
import { renderAnswer } from '../core/report/text/render-answer.ts';
import { quoteWord } from '../core/report/text/shell-words.ts';
import type { AnswerFormat } from './answer-format.ts';
import { repeatSource } from './evidence-options.ts';
import type { EvidenceOptions } from './evidence-options.ts';
import { formatNotes } from './print-notes.ts';
import { chooseErrorStyle, chooseStyle } from './terminal.ts';

export interface PrintOptions extends EvidenceOptions {
  readonly output: AnswerFormat;
  readonly programName: string;
}

export function printAnswer(answer: Answer, options: PrintOptions): void {
  process.stderr.write(formatNotes(answer.notes, chooseErrorStyle()));
  process.stdout.write(formatAnswer(answer, options));
}

function formatAnswer(answer: Answer, options: PrintOptions): string {
  switch (options.output) {
    case 'json':
      return `${JSON.stringify(answer, null, 2)}\n`;
    case 'yaml':
      return formatYaml(answer);
    case 'name':
      return answer.rootCauses.map((cause) => `${[cause.code, ...cause.subjects].join('\t')}\n`).join('');
    case 'text':
    case 'wide': {
      const style = chooseStyle(process.stdout, process.env, options.output === 'wide');
      const source = repeatSource(options).map(quoteWord);
      return renderAnswer(answer, style, { program: options.programName, source });
    }
  }
}
