// A rule's verdict in a few words, as a trace tells what the rule did.
import type { FilterVerdict } from '../../snapshot/filter-facts.ts';

export function describeVerdict(verdict: FilterVerdict): string {
  switch (verdict.kind) {
    case 'accept':
      return 'accepts';
    case 'drop':
      return 'drops';
    case 'reject':
      return `rejects with ${verdict.with}`;
    case 'jump':
      return `jumps to ${verdict.chain}`;
    case 'goto':
      return `goes to ${verdict.chain}`;
    case 'return':
      return 'returns';
    case 'continue':
      return 'goes on';
  }
}
