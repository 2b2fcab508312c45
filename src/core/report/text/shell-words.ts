// A command as a person can paste it into a shell: every word quoted where it must be, and its input as a here-document.
import type { AnswerCommand } from '../answer.ts';

const plainWord = /^[A-Za-z0-9_@%+=:,./-]+$/;

export function quoteWord(word: string): string {
  return plainWord.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

export function formatArgv(argv: readonly string[]): string {
  return argv.map(quoteWord).join(' ');
}

/** The lines of one command. The input of a here-document and its end must start at the first column to be taken as they stand. */
export function commandLines(command: AnswerCommand, indent: number): readonly string[] {
  const typed = `${' '.repeat(indent)}${formatArgv(command.argv)}`;
  if (command.stdin === undefined) return [typed];
  const body = command.stdin.replace(/\n$/, '').split('\n');
  let end = 'END';
  while (body.includes(end)) end += '_';
  return [`${typed} <<'${end}'`, ...body, end];
}
