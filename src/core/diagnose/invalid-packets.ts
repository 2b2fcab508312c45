// Rules that end what belongs to no known connection. Such a rule is seldom the cause: what parted the ways of request and
// answer is.

/** Whether a rule asks for the state INVALID; its author's comment does not count. */
export function dropsInvalid(text: string): boolean {
  return /\binvalid\b/i.test(text.replace(/--comment "(\\.|[^"])*"|comment "[^"]*"/g, ''));
}
