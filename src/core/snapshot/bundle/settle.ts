// What assembling a snapshot needs at every place: to ask a shelf what is known there, and to leave notes.
import type { Known } from '../../fact/known.ts';
import type { Note } from '../../fact/note.ts';
import type { FactShelf } from './fact-shelf.ts';
import type { Ledger } from './ledger.ts';

export interface Settlement {
  readonly ledger: Ledger;
  readonly note: (note: Note) => void;
}

/** The fact of a folder, by the names of its kind's files. */
export function settleIn<T>(settlement: Settlement, shelf: FactShelf<T>, folder: string): Known<T> {
  const paths = shelf.kind.forms.map((form) => `${folder}/${form.name}`);
  return shelf.settle(paths, settlement.ledger, settlement.note);
}

/** The fact of one file whose name is not fixed. */
export function settleAt<T>(settlement: Settlement, shelf: FactShelf<T>, path: string): Known<T> {
  return shelf.settle([path], settlement.ledger, settlement.note);
}
