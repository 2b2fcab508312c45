// The words of one catalogued diagnosis, as `waylaid explain CODE` prints them. Each file of diagnoses/ exports one;
// catalogue.ts collects them. Words only: what recognises a cause stands beside them in the same file.
import type { Layer } from './diagnosis.ts';

export interface DiagnosisText {
  /** Kebab-case, stable: people filter and alert by it. */
  readonly code: string;
  readonly layer: Layer;
  /** One line, without names: `A VPN's route takes the cluster's own addresses`. */
  readonly title: string;
  /** What is wrong and what it looks like from outside, in two to five sentences. */
  readonly meaning: string;
  /** Which change to the model heals, and what else was checked before the word proven is used. */
  readonly howProved: string;
  /** By hand, in order: one sentence or one command an element; a command starts with `$ `. */
  readonly byHand: readonly string[];
  /** Where claims about other software can be checked: name, version, file or page. */
  readonly sources: readonly string[];
}
