// What goes wrong and is nobody's bug: wrong usage, a file that is not there, a machine that does not answer. Its message is
// the sentence that the user reads: what failed, where, and what to do.

export class Failure extends Error {
  override readonly name = 'Failure';
}

/** Errors that programs raise by mistake; whatever else arrives was thrown on purpose, with a sentence for people. */
export function isBug(error: unknown): boolean {
  if (!(error instanceof Error)) return true;
  if (error instanceof TypeError || error instanceof RangeError) return true;
  return error instanceof ReferenceError || error instanceof SyntaxError || error.name === 'AssertionError';
}

export function isInterruption(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
