// Naming: a diagnosis recognises a cause (the kind of change, where, in which surroundings) and gives it a code, words and
// a lasting repair. What none recognises is `uncatalogued`, in words made from the change, and counts as much.
import type { CauseGroup } from './cause-group.ts';
import type { CauseElement, Layer } from './diagnosis.ts';
import type { DiagnosisText } from './diagnosis-text.ts';
import type { World } from './world.ts';

export interface NamedCause {
  readonly code: string;
  readonly layer: Layer;
  readonly title: string;
  readonly explanation: string;
  readonly subjects: readonly string[];
  readonly elements: readonly CauseElement[];
  readonly origin?: string;
}

export interface CatalogueEntry {
  readonly text: DiagnosisText;
  /** The cause in words, or nothing where it is another kind of cause. */
  readonly name: (group: CauseGroup, world: World) => NamedCause | undefined;
}

/** `node-2`, `node-2 and node-3`, `node-2, node-3 and 10 more`. */
export function joinNames(ids: readonly string[]): string {
  const names = ids.map((id) => id.replace(/^(node|host|pod)\//, ''));
  if (names.length <= 1) return names[0] ?? '';
  if (names.length <= 4) return `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
  return `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
}

/** A list in a sentence. */
export function joinWords(words: readonly string[]): string {
  const unique = [...new Set(words)];
  return unique.length <= 1
    ? (unique[0] ?? '')
    : `${unique.slice(0, -1).join(', ')} and ${unique.at(-1) ?? ''}`;
}
