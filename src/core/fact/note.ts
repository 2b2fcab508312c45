// What a stage wants to tell the user beside its result: a file that could not be read, an odd input it skipped.

export interface Note {
  /** Stable kind, kebab-case. */
  readonly code:
    | 'unreadable-file'
    | 'truncated-archive'
    | 'unknown-format'
    | 'duplicate-name'
    | 'dangling-reference'
    | 'ignored-entry'
    | 'odd-input';
  /** The bundle path it is about. */
  readonly path: string;
  /** One sentence: what is wrong, where, and what it costs. */
  readonly text: string;
}
