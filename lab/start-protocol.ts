// What the starter of a lab and its supervisor say to each other while it is built, one JSON document a line: the order,
// progress, `ready`; then the starter writes the word `keep` and gets `kept`, and from then on the lab lives by itself.
import type { LabOptions } from './planned.ts';

export interface StartOrder {
  readonly options: LabOptions;
  readonly folder: string;
}

export type SupervisorMessage =
  | { readonly kind: 'progress'; readonly line: string }
  | { readonly kind: 'ready' }
  | { readonly kind: 'kept' }
  | { readonly kind: 'failed'; readonly line: string };
