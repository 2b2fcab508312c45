// What `fix --dry-run` prints: every repair with its proof, the exact commands machine by machine, and how to undo them.
// Prose is wrapped, commands never are: what stands here is what would run, and what a person can paste.
import type { Answer, AnswerCommand, AnswerRepair } from '../answer.ts';
import { cleanStrings } from './clean-text.ts';
import { indentedLines, labelColumnsFor, labelledLines } from './layout.ts';
import { commandLines } from './shell-words.ts';
import { columnsOf, emptyLine, formatLines, glyphsOf, span, widestProse } from './text-style.ts';
import type { Line, TextStyle } from './text-style.ts';

const indent = 6;

export const repairKinds: Readonly<Record<AnswerRepair['kind'], string>> = {
  immediate: 'now',
  persistent: 'to keep',
  'at-source': 'at the source',
};

/** `heals 42, breaks 0, leaves 0`. */
export function describeProof(repair: AnswerRepair): string {
  const { heals, breaks, leaves, unknown } = repair.simulated;
  const proof = [`heals ${heals}`, `breaks ${breaks}`, `leaves ${leaves}`];
  return [...proof, ...(unknown > 0 ? [`unknown ${unknown}`] : [])].join(', ');
}

export function renderRepairs(answer: Pick<Answer, 'repairs' | 'rootCauses'>, style: TextStyle): string {
  const clean = cleanStrings({ ...answer, repairs: answer.repairs.map(withoutCommands) }, style);
  const blocks = clean.repairs.map((repair, index) => {
    const original = answer.repairs[index];
    return original === undefined ? [] : repairLines(repair, original, clean.rootCauses, style);
  });
  return formatLines(
    blocks.flatMap((lines, index) => (index === 0 ? lines : [emptyLine, ...lines])),
    style,
  );
}

/** Commands are printed as they run, not cleaned: quoting has already made them safe to show (see safeLine). */
function withoutCommands(repair: AnswerRepair): AnswerRepair {
  return { ...repair, commands: [], undo: [] };
}

function repairLines(
  repair: AnswerRepair,
  original: AnswerRepair,
  causes: Answer['rootCauses'],
  style: TextStyle,
): Line[] {
  const columns = Math.min(columnsOf(style), widestProse);
  const titles = causes.filter((cause) => repair.for.includes(cause.id)).map((cause) => cause.title);
  const dot = ` ${glyphsOf(style).dot} `;
  const facts = [
    `risk ${repair.risk}`,
    ...(repair.disruptive ? ['interrupts traffic while it is applied'] : []),
  ];
  return [
    ...labelledLines({
      label: repair.id,
      text: `${repairKinds[repair.kind]}: ${repair.title}`,
      indent: 0,
      labelColumns: indent,
      columns,
      labelTone: 'strong',
      textTone: 'strong',
    }),
    ...titles.flatMap((title) => fact('for', title, columns)),
    ...fact('proof', `${describeProof(repair)}${dot}${facts.join(dot)}`, columns),
    ...(repair.note === undefined ? [] : fact('note', repair.note, columns)),
    ...groupLines('on', original.commands),
    ...groupLines('to undo, on', original.undo),
  ];
}

function fact(label: string, text: string, columns: number): Line[] {
  return labelledLines({
    label,
    text,
    indent,
    labelColumns: labelColumnsFor(8, columns),
    columns,
    labelTone: 'dim',
  });
}

/** Neighbouring commands of one machine stand under one heading; order is never changed. */
function groupLines(heading: string, commands: readonly AnswerCommand[]): Line[] {
  return commands.flatMap((command, index) => {
    const isSameMachine = commands[index - 1]?.on === command.on;
    const lines = commandLines(command, indent + 2).map((line): Line => [span(safeLine(line))]);
    return isSameMachine
      ? lines
      : [emptyLine, ...indentedLines(`${heading} ${command.on}:`, indent, 200, 'dim'), ...lines];
  });
}

/** Control characters have no place in a command; one that is there is shown, not sent to the terminal. */
function safeLine(line: string): string {
  return line.replace(/\p{Cc}/gu, (character) =>
    character === '\t' ? character : `\\x${(character.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`,
  );
}
