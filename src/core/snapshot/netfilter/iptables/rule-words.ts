// The words of a rule as iptables-save prints it. In: the rule's text. Out: its words with their places in the text, or
// that a quote does not close. Only `"` quotes, and only inside quotes does `\` escape (xshared.c, add_param_to_argv,
// iptables 1.8.9).

export interface RuleWord {
  readonly text: string;
  readonly isQuoted: boolean;
  readonly start: number;
  readonly end: number;
}

const quote = 0x22;

/** Undefined where quotes do not close. */
export function splitRuleWords(text: string): readonly RuleWord[] | undefined {
  const words: RuleWord[] = [];
  let at = 0;
  while (at < text.length) {
    if (isSpace(text, at)) {
      at++;
      continue;
    }
    const word = readWord(text, at);
    if (word === undefined) return undefined;
    words.push(word);
    at = word.end;
  }
  return words;
}

function isSpace(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 32 || code === 9 || code === 10;
}

function readWord(text: string, start: number): RuleWord | undefined {
  let end = start;
  while (end < text.length && !isSpace(text, end)) {
    if (text.charCodeAt(end) === quote) return readQuoted(text, start);
    end++;
  }
  return { text: text.slice(start, end), isQuoted: false, start, end };
}

function readQuoted(text: string, start: number): RuleWord | undefined {
  let content = '';
  let isOpen = false;
  let at = start;
  for (; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '"') isOpen = !isOpen;
    else if (isOpen && character === '\\') {
      at++;
      content += text.charAt(at);
    } else if (!isOpen && isSpace(text, at)) break;
    else content += character;
  }
  return isOpen ? undefined : { text: content, isQuoted: true, start, end: at };
}
