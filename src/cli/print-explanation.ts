// Prints the catalogue of diagnoses, or the words of one.
import { diagnoses } from '../core/diagnose/catalogue.ts';
import { renderCatalogue, renderExplanation } from '../core/report/text/render-explanation.ts';
import { Failure } from './failure.ts';
import { suggestNearest } from './nearest.ts';
import { chooseStyle } from './terminal.ts';

type Format = 'text' | 'json';

export function printCatalogue(format: Format): void {
  const sorted = diagnoses.toSorted((a, b) => (a.code < b.code ? -1 : 1));
  const style = chooseStyle(process.stdout, process.env, false);
  process.stdout.write(format === 'json' ? toJson(sorted) : renderCatalogue(sorted, style));
}

export function printExplanation(code: string, format: Format): void {
  const found = diagnoses.find((diagnosis) => diagnosis.code === code.toLowerCase());
  if (found === undefined) {
    const codes = diagnoses.map((diagnosis) => diagnosis.code);
    const hint = suggestNearest(code, codes);
    throw new Failure(
      `there is no diagnosis called "${code}".${hint === '' ? ' waylaid explain lists all.' : hint}`,
    );
  }
  const style = chooseStyle(process.stdout, process.env, false);
  process.stdout.write(format === 'json' ? toJson(found) : renderExplanation(found, style));
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
