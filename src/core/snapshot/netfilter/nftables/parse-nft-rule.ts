// Reads what a rule of nftables does out of its statements. In: the `expr` array of `nft -j list ruleset` (the reader
// puts the rule's comment behind it) and the table's family. Out: its steps. A statement that is not known here is an
// opaque step, and one that nft could only print as text (1.0.6 does so for map updates) is read as text.
import type { FilterFamily } from '../../filter-facts.ts';
import type { RuleBody } from '../../filter-steps.ts';
import type { Json } from '../../cluster-facts.ts';
import { listOf, numberOf, objectOf, textOf } from '../../syntax/parse-json.ts';
import { formatStatement } from './format-nft.ts';
import { addMangle } from './nft-mangle.ts';
import { addMatch, addVerdictMap } from './nft-match.ts';
import { readVerdict } from './nft-elements.ts';
import { taggedOf } from './nft-json.ts';
import { addNat, addTproxy } from './nft-nat.ts';
import { addReject } from './nft-reject.ts';
import type { RuleDraft } from './nft-rule-draft.ts';
import { readTextStatements } from './nft-text-statements.ts';

export function parseNftRule(statements: readonly Json[], family: FilterFamily): RuleBody {
  const draft: RuleDraft = { table: family, steps: [] };
  for (const statement of statements) addStatement(draft, statement);
  const { steps, comment } = draft;
  return comment === undefined ? { steps } : { steps, comment };
}

function addStatement(draft: RuleDraft, statement: Json): void {
  if (typeof statement === 'string') {
    for (const part of readTextStatements(statement)) addStatement(draft, part);
    return;
  }
  const tagged = taggedOf(statement);
  const add = statementReaders[tagged?.tag ?? ''];
  if (tagged !== undefined && add !== undefined) add(draft, tagged.body, statement);
  else addOpaque(draft, statement, 'a statement that is not known');
}

type StatementReader = (draft: RuleDraft, body: Json, statement: Json) => void;

const addNote: StatementReader = (draft, _body, statement) => {
  draft.steps.push({ kind: 'note', text: formatStatement(statement) });
};

const addVerdict: StatementReader = (draft, _body, statement) => {
  const verdict = readVerdict(statement);
  if (verdict === undefined) addOpaque(draft, statement, 'it names no chain');
  else draft.steps.push({ kind: 'verdict', verdict });
};

function addOpaque(draft: RuleDraft, statement: Json, why: string): void {
  draft.steps.push({ kind: 'opaque', text: formatStatement(statement), why });
}

function opaqueBecause(why: string): StatementReader {
  return (draft, _body, statement) => addOpaque(draft, statement, why);
}

/** `limit`, `ct count`: a single packet keeps them. A named one is declared elsewhere, and can ask for its excess. */
const addRate: StatementReader = (draft, body, statement) => {
  const text = formatStatement(statement);
  const limit = objectOf(body);
  if (limit === undefined) {
    draft.steps.push({
      kind: 'opaque-match',
      text,
      why: 'whether it matches below or above stands at its name',
    });
  } else draft.steps.push({ kind: 'rate', isOver: limit.inv === true, text });
};

/** A quota matches until it is used up (`over`: from then on). */
const addQuota: StatementReader = (draft, body, statement) => {
  const quota = objectOf(body);
  const used = bytesOf(quota?.used, quota?.used_unit);
  const limit = bytesOf(quota?.val, quota?.val_unit);
  if (used === undefined || limit === undefined) addRate(draft, body, statement);
  else {
    const isOver = (quota?.inv === true) !== used >= limit;
    draft.steps.push({ kind: 'rate', isOver, text: formatStatement(statement) });
  }
};

const units: Readonly<Record<string, number>> = {
  bytes: 1,
  kbytes: 1024,
  mbytes: 1024 ** 2,
  gbytes: 1024 ** 3,
};

function bytesOf(number: Json | undefined, unit: Json | undefined): number | undefined {
  const count = numberOf(number);
  const size = units[textOf(unit) ?? 'bytes'];
  return count === undefined || size === undefined ? undefined : count * size;
}

/** Updating a set changes nothing for this packet, unless the element carries a limit that the packet has to keep. */
const addSetUpdate: StatementReader = (draft, body, statement) => {
  const fields = objectOf(body);
  const inner = [...listOf(fields?.stmt), ...(objectOf(fields?.stmt) === undefined ? [] : [fields?.stmt])];
  const isOver = inner.map((part) => objectOf(taggedOf(part)?.body)?.inv === true);
  const limits = inner
    .map((part) => taggedOf(part)?.tag ?? '')
    .filter((tag) => tag !== 'counter' && tag !== 'last');
  const text = formatStatement(statement);
  if (limits.length === 0) draft.steps.push({ kind: 'note', text });
  else if (limits.every((tag) => ['limit', 'ct count', 'quota'].includes(tag)))
    draft.steps.push({ kind: 'rate', isOver: isOver.includes(true), text });
  else
    draft.steps.push({
      kind: 'opaque-match',
      text,
      why: 'the element carries a statement that is not known',
    });
};

/** Made by iptables through a compatibility layer: nft prints its name and nothing of what it says. */
const addCompat: StatementReader = (draft, body, statement) => {
  const xt = objectOf(body);
  const why = 'compat expression; its content is in iptables-save';
  const text = formatStatement(statement);
  const name = textOf(xt?.name) ?? '';
  if (harmlessExtensions.has(name)) draft.steps.push({ kind: 'note', text });
  else draft.steps.push({ kind: xt?.type === 'match' ? 'opaque-match' : 'opaque', text, why });
};

/** Extensions of xt that match every packet, and targets that change nothing and go on. */
const harmlessExtensions: ReadonlySet<string> = new Set([
  'comment',
  'LOG',
  'NFLOG',
  'TRACE',
  'AUDIT',
  'CHECKSUM',
]);

const statementReaders: Readonly<Record<string, StatementReader | undefined>> = {
  match: (draft, body) => addMatch(draft, body),
  vmap: (draft, body) => addVerdictMap(draft, body),
  accept: addVerdict,
  drop: addVerdict,
  continue: addVerdict,
  return: addVerdict,
  jump: addVerdict,
  goto: addVerdict,
  reject: (draft, body) => addReject(draft, body),
  mangle: (draft, body) => addMangle(draft, body),
  snat: (draft, body) => addNat(draft, 'snat', body),
  dnat: (draft, body) => addNat(draft, 'dnat', body),
  masquerade: (draft, body) => addNat(draft, 'masquerade', body),
  redirect: (draft, body) => addNat(draft, 'redirect', body),
  tproxy: (draft, body) => addTproxy(draft, body),
  notrack: (draft) => {
    draft.steps.push({ kind: 'untrack' });
  },
  counter: addNote,
  log: addNote,
  last: addNote,
  flow: addNote,
  'ct helper': addNote,
  'ct timeout': addNote,
  'ct expectation': addNote,
  secmark: addNote,
  reset: addNote,
  optstrip: addNote,
  map: addNote,
  limit: addRate,
  'ct count': addRate,
  quota: addQuota,
  set: addSetUpdate,
  meter: addSetUpdate,
  xt: addCompat,
  queue: opaqueBecause('a program decides'),
  dup: opaqueBecause('a copy of the packet goes elsewhere'),
  fwd: opaqueBecause('the packet leaves by another device at once'),
  synproxy: opaqueBecause('the kernel answers in place of the server'),
  text: (draft, body) => {
    const text = textOf(body) ?? '';
    draft.steps.push({ kind: 'opaque', text, why: 'a statement that is not known' });
  },
  comment: (draft, body) => {
    const comment = textOf(body);
    if (comment !== undefined) draft.comment = comment;
  },
};
