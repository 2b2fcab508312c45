// Answers about a namespace, kept: flows between the same machines ask the same of them again and again, and so do worlds
// that differ elsewhere, since an unchanged namespace is the same object in all of them. In: a pure function of a namespace
// and a query. Out: the same function, which works each question out once.
import type { Namespace } from '../model/network.ts';
import type { RouteQuery } from './lookup.ts';

export function answerOnce<Answer extends object>(
  answer: (namespace: Namespace, query: RouteQuery) => Answer,
): (namespace: Namespace, query: RouteQuery) => Answer {
  const kept = new WeakMap<Namespace, Map<string, Answer>>();
  return (namespace, query) => {
    let answers = kept.get(namespace);
    if (answers === undefined) {
      answers = new Map();
      kept.set(namespace, answers);
    }
    const key = keyOfQuery(query);
    let known = answers.get(key);
    if (known === undefined) {
      known = answer(namespace, query);
      answers.set(key, known);
    }
    return known;
  };
}

/** Every field, and nothing that could stand for a missing one. */
function keyOfQuery(query: RouteQuery): string {
  const { to, from = '', mark, inputLink = '/', outputLink = '/', tos, ipProtocol } = query;
  const { sourcePort = '', destinationPort = '', uid = '' } = query;
  return `${to} ${from} ${mark} ${tos} ${ipProtocol} ${sourcePort} ${destinationPort} ${uid} ${inputLink} ${outputLink}`;
}
