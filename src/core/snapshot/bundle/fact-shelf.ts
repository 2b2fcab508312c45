// Holds what the readers made of the files of one kind until all files are in, and then decides per place what is
// known. In: files, in any order, read as they come (their bytes are not kept). Out: a fact or the reason why it is
// missing, and notes about what was damaged. The rules of emptiness, of failed commands and of text twins are here.
import { missing, present } from '../../fact/known.ts';
import type { Known, Missing } from '../../fact/known.ts';
import type { Note } from '../../fact/note.ts';
import type { BundleFile } from '../bundle-file.ts';
import { notUnderstood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';
import type { Ledger, Verdict } from './ledger.ts';

export interface FactForm<T> {
  readonly name: string;
  readonly read: (file: BundleFile) => Reading<T>;
  /**
   * What a file of no bytes means. `unknown`: its command always prints something. `empty-if-listed`: it can be
   * nothing, which is believed where the manifest says that the command ended well. `empty`: its command prints
   * nothing where there is nothing, and it is believed unless the manifest says that the command failed.
   */
  readonly whenEmpty: 'unknown' | 'empty-if-listed' | 'empty';
}

export interface FactKind<T> {
  /** Completes "its … count as unknown". */
  readonly what: string;
  /** In order of preference. */
  readonly forms: readonly FactForm<T>[];
  /** What would settle it, as argv. */
  readonly command?: readonly string[];
  /** Whether each line stands for itself, so that half a file is half the facts and not a wrong whole. */
  readonly isPartUsable?: boolean;
}

interface Filing<T> {
  readonly reading: Reading<T>;
  readonly size: number;
  readonly isBlank: boolean;
  readonly isTruncated: boolean;
  readonly isDouble: boolean;
}

export interface FactShelf<T> {
  readonly kind: FactKind<T>;
  /** Per form of the kind: its name, and what takes such a file and reads it at once. */
  readonly intakes: () => readonly (readonly [string, (file: BundleFile) => void])[];
  /** Takes a file whose kind has one form only. */
  readonly take: (file: BundleFile) => void;
  readonly paths: () => readonly string[];
  /** `paths` are those of the forms, in the same order. */
  readonly settle: (paths: readonly string[], ledger: Ledger, note: (note: Note) => void) => Known<T>;
}

export function createFactShelf<T>(kind: FactKind<T>): FactShelf<T> {
  const filings = new Map<string, Filing<T>>();
  const takeAs = (file: BundleFile, form: FactForm<T>): void => {
    const isDouble = filings.has(file.path);
    filings.set(file.path, {
      reading: isDouble ? notUnderstood('in the bundle more than once') : readSafely(file, form),
      size: file.bytes.length,
      isBlank: file.bytes.length === 0 || (file.bytes.length < 16 && file.text().trim() === ''),
      isTruncated: file.isTruncated === true,
      isDouble,
    });
  };
  return {
    kind,
    intakes: () => kind.forms.map((form) => [form.name, (file: BundleFile) => takeAs(file, form)] as const),
    take: (file) => {
      for (const form of kind.forms.slice(0, 1)) takeAs(file, form);
    },
    paths: () => [...filings.keys()],
    settle: (paths, ledger, note) => {
      const settled = kind.forms.map((form, index) => {
        const path = paths[index] ?? form.name;
        const filing = filings.get(path);
        const verdict = filing === undefined ? ledger.onAbsence(path) : ledger.onFile(path);
        return settleForm({ kind, form, path, filing, verdict });
      });
      const known = settled.find((fact) => fact?.known === true);
      for (const [index, fact] of settled.entries()) {
        const filing = filings.get(paths[index] ?? '');
        for (const text of filing?.reading.isUnderstood === true ? filing.reading.notes : []) note(text);
        if (fact?.known === false && filing !== undefined) noteDamage({ fact, kind, known, note });
      }
      const reason = settled.find((fact) => fact !== undefined);
      return known ?? withCommand(reason ?? missing('not-collected', paths[0] ?? ''), kind, ledger);
    },
  };
}

/** A reader must not throw, but what it is given is arbitrary bytes: whatever happens costs this file only. */
function readSafely<T>(file: BundleFile, form: FactForm<T>): Reading<T> {
  try {
    return form.read(file);
  } catch {
    return notUnderstood('not understood');
  }
}

interface Candidate<T> {
  readonly kind: FactKind<T>;
  readonly form: FactForm<T>;
  readonly path: string;
  readonly filing: Filing<T> | undefined;
  readonly verdict: Verdict | undefined;
}

/** Undefined where there is no file and nobody said why. */
function settleForm<T>(candidate: Candidate<T>): Known<T> | undefined {
  const { path, filing, verdict } = candidate;
  if (filing !== undefined) return settleFiling(candidate, filing);
  return verdict?.problem === undefined ? undefined : missing(verdict.problem, path, verdict.detail);
}

function settleFiling<T>({ kind, form, path, verdict }: Candidate<T>, filing: Filing<T>): Known<T> {
  const { reading } = filing;
  if (filing.isDouble) return missing('unparseable', path, 'in the bundle more than once');
  const isPartUsable = kind.isPartUsable === true && reading.isUnderstood && !filing.isBlank;
  if (!isPartUsable) {
    if (verdict?.problem === 'truncated' || (filing.isTruncated && verdict?.problem === undefined)) {
      return missing('truncated', path, `cut off at byte ${filing.size}`);
    }
    if (verdict?.problem !== undefined) return missing(verdict.problem, path, verdict.detail);
  }
  if (filing.isBlank && !meansNothing(form, verdict)) return missing('not-collected', path, 'empty');
  if (!reading.isUnderstood) return missing('unparseable', path, reading.detail);
  return present(reading.value, { path });
}

function meansNothing<T>(form: FactForm<T>, verdict: Verdict | undefined): boolean {
  if (form.whenEmpty === 'empty') return verdict?.exit === undefined || verdict.exit === 0;
  return form.whenEmpty === 'empty-if-listed' && verdict?.exit === 0;
}

function noteDamage<T>(about: {
  readonly fact: Missing;
  readonly kind: FactKind<T>;
  readonly known: Known<T> | undefined;
  readonly note: (note: Note) => void;
}): void {
  const { fact, kind, known } = about;
  if (fact.reason !== 'unparseable' && fact.reason !== 'truncated') return;
  const cost =
    known?.known === true ? `${known.evidence.path} is used instead` : `its ${kind.what} count as unknown`;
  about.note({
    code: fact.detail === 'in the bundle more than once' ? 'duplicate-name' : 'unreadable-file',
    path: fact.path,
    text: `${fact.path} is ${fact.detail ?? 'not understood'}; ${cost}.`,
  });
}

function withCommand<T>(fact: Known<T>, kind: FactKind<T>, ledger: Ledger): Known<T> {
  if (fact.known) return fact;
  const command = ledger.onFile(fact.path)?.argv ?? kind.command;
  return command === undefined ? fact : { ...fact, command };
}
