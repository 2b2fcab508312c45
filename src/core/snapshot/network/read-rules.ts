// `ip -j -d -4 rule` (and -6), its text, and busybox's text, as policy routing rules.
// In: the file and its family. Out: rules in printed order. A selector that is not known here is kept as opaque, never
// dropped: a rule that looks wider than it is would send every packet the wrong way.
// busybox (1.35) leaves out `not`, oif, ipproto, ports and uid ranges and prints goto and nop as route types; its rules
// are marked as partial.
import type { Evidence } from '../../fact/evidence.ts';
import type { Family } from '../../net/address.ts';
import { parsePrefix } from '../../net/prefix.ts';
import type { BundleFile } from '../bundle-file.ts';
import type { PortRange, RuleAction, RuleFact } from '../namespace-facts.ts';
import { withoutUndefined } from '../syntax/parse-json.ts';
import { understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';
import { readJsonRows, readTextRows } from '../syntax/read-rows.ts';
import { draftRuleOfJson } from './draft-rule-json.ts';
import { draftRuleOfText, isBusyboxRule } from './draft-rule-text.ts';
import type { RuleDraft, SelectorName } from './rule-draft.ts';
import {
  canonicalProtocol,
  canonicalTable,
  parseDscp,
  parseIpProtocol,
  parseTos,
  parseWholeNumber,
} from './routing-names.ts';

export function readRulesJson(file: BundleFile, family: Family): Reading<readonly RuleFact[]> {
  return readJsonRows(file, (row, evidence) => buildRule(draftRuleOfJson(row), family, evidence));
}

export function readRulesText(file: BundleFile, family: Family): Reading<readonly RuleFact[]> {
  const busyboxLines: number[] = [];
  const reading = readTextRows(file, (record, evidence) => {
    if (record.body.length > 0) return undefined;
    if (isBusyboxRule(record.head.text)) busyboxLines.push(record.head.number);
    return buildRule(draftRuleOfText(record.head.text), family, evidence);
  });
  if (!reading.isUnderstood || busyboxLines.length === 0) return reading;
  const text = `${file.path} was printed by busybox, which hides "not", output devices, protocols, ports and owners of a rule; its rules may be narrower than they look.`;
  return understood(
    reading.value.map((rule) => ({ ...rule, isPartial: true })),
    [{ code: 'odd-input', path: file.path, text }],
  );
}

function buildRule(
  draft: RuleDraft | undefined,
  family: Family,
  evidence: Evidence,
): readonly RuleFact[] | undefined {
  if (draft === undefined) return undefined;
  const fields: Mutable<Partial<RuleFact>> = {};
  const opaqueSelectors = [...draft.opaqueSelectors];
  for (const [name, value] of draft.selectors) {
    if (!setSelector[name](fields, value)) opaqueSelectors.push(`${name} ${value}`);
  }
  if (fields.from !== undefined && fields.from.family !== family) return undefined;
  if (fields.to !== undefined && fields.to.family !== family) return undefined;
  const rule = withoutUndefined<RuleFact>({
    evidence,
    family,
    priority: draft.priority,
    isInverted: draft.isInverted,
    ...fields,
    isInputDetached: draft.isInputDetached,
    isOutputDetached: draft.isOutputDetached,
    isL3mdev: draft.isL3mdev,
    action: canonicalAction(draft.action),
    suppressPrefixLength: draft.suppressPrefixLength,
    suppressGroup: draft.suppressGroup,
    protocol: draft.protocol === undefined ? undefined : canonicalProtocol(draft.protocol),
    opaqueSelectors,
  });
  return [rule];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Fields = Mutable<Partial<RuleFact>>;

/** Each says whether it understood the value; what it did not understand becomes an opaque selector. */
const setSelector: Readonly<Record<SelectorName, (fields: Fields, value: string) => boolean>> = {
  from: (fields, value) => isSet((fields.from = parsePrefix(value))),
  to: (fields, value) => isSet((fields.to = parsePrefix(value))),
  iif: (fields, value) => isSet((fields.inputLink = value)),
  oif: (fields, value) => isSet((fields.outputLink = value)),
  fwmark: (fields, value) => isSet((fields.mark = parseMark(value))),
  tos: (fields, value) => isSet((fields.tos = parseTos(value))),
  dscp: (fields, value) => isSet((fields.dscp = parseDscp(value))),
  /** IPv6 flow labels (Linux 6.14) are no part of a flow here. */
  flowlabel: () => false,
  ipproto: (fields, value) => isSet((fields.ipProtocol = parseIpProtocol(value))),
  sport: (fields, value) => isSet((fields.sourcePorts = parseRange(value, 65535))),
  dport: (fields, value) => isSet((fields.destinationPorts = parseRange(value, 65535))),
  uidrange: (fields, value) => isSet((fields.uids = parseRange(value, 0xffffffff))),
};

function isSet(value: unknown): boolean {
  return value !== undefined;
}

function parseMark(text: string): RuleFact['mark'] {
  const [valueText = '', maskText = '0xffffffff'] = text.split('/');
  const value = parseWholeNumber(valueText);
  const mask = parseWholeNumber(maskText);
  return value === undefined || mask === undefined ? undefined : { value, mask };
}

function parseRange(text: string, highest: number): PortRange | undefined {
  const found = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (found === null) return undefined;
  const from = Number(found[1]);
  const to = Number(found[2] ?? found[1]);
  return to <= highest && from <= to ? { from, to } : undefined;
}

function canonicalAction(action: RuleAction): RuleAction {
  return action.kind === 'lookup' ? { kind: 'lookup', table: canonicalTable(action.table) } : action;
}
