// A rule of iptables as steps. In: its text as iptables-save prints it, without `-A CHAIN`, and the table's family. Out:
// first what stands before the modules (the protocol among it), then the modules in their order, then the target: the
// order in which the kernel looks at them. A rule without a target only counts. Text that is no rule is one opaque step.
import type { FilterFamily } from '../../filter-facts.ts';
import type { FilterStep, RuleBody } from '../../filter-steps.ts';
import { readBasics } from './match-basics.ts';
import { provesConnection } from './match-connection.ts';
import { readMatch } from './read-match.ts';
import { readTarget } from './read-target.ts';
import { groupRuleWords } from './rule-parts.ts';
import { splitRuleWords } from './rule-words.ts';
import type { RuleClause } from './rule-parts.ts';

export function parseIptablesRule(text: string, family: FilterFamily): RuleBody {
  const words = splitRuleWords(text);
  const parts = words === undefined ? undefined : groupRuleWords(text, words);
  if (parts === undefined) {
    const why = words === undefined ? 'its quotes do not close' : 'not understood';
    return { steps: [{ kind: 'opaque', text, why }] };
  }
  const version = family === 'ip6' ? 6 : 4;
  const steps: FilterStep[] = [...readBasics(parts.basics, version)];
  const comments: string[] = [];
  let isTracked = false;
  for (const clause of parts.matches) {
    const comment = commentOf(clause);
    if (comment !== undefined) {
      comments.push(comment);
      continue;
    }
    const read = readMatch(clause, { family: version, isTracked });
    steps.push(...read);
    isTracked ||= read.some(provesConnection);
  }
  if (parts.target !== undefined) steps.push(readTarget(parts.target, version));
  return comments.length === 0 ? { steps } : { steps, comment: comments.join(' ') };
}

function commentOf(clause: RuleClause): string | undefined {
  const [option] = clause.options;
  const isComment = clause.name === 'comment' && clause.options.length === 1 && !clause.isOdd;
  return isComment && option?.name === '--comment' && !option.isNegated ? option.args.join(' ') : undefined;
}
