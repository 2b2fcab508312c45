// What a reader makes of one file: its facts, or where it stopped understanding it. A file is understood whole or not
// at all, because a table with a row left out would look like a complete one.
import type { Note } from '../../fact/note.ts';

export interface Understood<T> {
  readonly isUnderstood: true;
  readonly value: T;
  /** Oddities that cost nothing or only themselves. */
  readonly notes: readonly Note[];
}

export interface NotUnderstood {
  readonly isUnderstood: false;
  /** Completes "PATH is …": `cut off at byte 4096`, `not understood at /14`. */
  readonly detail: string;
}

export type Reading<T> = Understood<T> | NotUnderstood;

export function understood<T>(value: T, notes: readonly Note[] = []): Understood<T> {
  return { isUnderstood: true, value, notes };
}

export function notUnderstood(detail: string): NotUnderstood {
  return { isUnderstood: false, detail };
}

export function mapReading<T, U>(reading: Reading<T>, change: (value: T) => U): Reading<U> {
  return reading.isUnderstood ? understood(change(reading.value), reading.notes) : reading;
}
