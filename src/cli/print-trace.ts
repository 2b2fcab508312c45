// Prints a trace: hops and picture for people, `waylaid-trace/1` for programs.
import type { Note } from '../core/fact/note.ts';
import { formatYaml } from '../core/report/format-yaml.ts';
import { renderTrace } from '../core/report/text/render-trace.ts';
import { formatNotes } from './print-notes.ts';
import { chooseErrorStyle, chooseStyle } from './terminal.ts';
import type { TracedQuestion } from './trace-question.ts';

export type TraceFormat = 'text' | 'wide' | 'json' | 'yaml';

export function printTrace(traced: TracedQuestion, notes: readonly Note[], format: TraceFormat): void {
  process.stderr.write(formatNotes(notes, chooseErrorStyle()));
  process.stdout.write(formatTrace(traced, format));
}

function formatTrace(traced: TracedQuestion, format: TraceFormat): string {
  const document = { format: 'waylaid-trace/1', ...traced };
  switch (format) {
    case 'json':
      return `${JSON.stringify(document, null, 2)}\n`;
    case 'yaml':
      return formatYaml(document);
    case 'text':
    case 'wide':
      return renderTrace(
        traced.flow,
        chooseStyle(process.stdout, process.env, format === 'wide'),
        traced.whatIf,
      );
  }
}
