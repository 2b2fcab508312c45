// Finds the objects of a JSON text whose members mean more than their own names say: Secrets, and variables with a secret
// name and a value. Both are known only once the whole object was seen, so this walk comes before the one that redacts.
import { readString, scanJson } from './json-strings.ts';
import { isSensitiveName } from './sensitive-name.ts';

export interface JsonRoles {
  /** Offsets of the brackets that open a Secret. */
  readonly secrets: ReadonlySet<number>;
  /** Offsets of the brackets that open `{"name": "DB_PASSWORD", "value": …}`, with that name. */
  readonly variables: ReadonlyMap<number, string>;
}

interface Frame {
  readonly offset: number;
  member: string;
  kind?: string;
  variable?: string;
  hasValue: boolean;
}

export function findJsonRoles(text: string): JsonRoles {
  const secrets = new Set<number>();
  const variables = new Map<number, string>();
  if (!/"Secret|"value"/i.test(text)) return { secrets, variables };
  const frames: Frame[] = [];
  const leave = (frame: Frame | undefined): void => {
    if (frame?.kind === 'Secret') secrets.add(frame.offset);
    if (frame?.variable !== undefined && frame.hasValue) variables.set(frame.offset, frame.variable);
  };
  scanJson(text, {
    open: (_bracket, offset) => void frames.push({ offset, member: '', hasValue: false }),
    close: () => leave(frames.pop()),
    name: (start, end) => {
      const frame = frames.at(-1);
      if (frame !== undefined) frame.member = readString(text, start, end);
    },
    string: (start, end) => {
      const frame = frames.at(-1);
      if (frame?.member === 'kind') frame.kind = readString(text, start, end);
      else if (frame?.member === 'value') frame.hasValue = true;
      else if (frame?.member === 'name') {
        const name = readString(text, start, end);
        if (isSensitiveName(name)) frame.variable = name;
      }
    },
    comment: () => undefined,
  });
  // A text cut off inside a Secret still is one.
  for (const frame of frames) leave(frame);
  return { secrets, variables };
}
