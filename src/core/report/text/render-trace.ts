// One flow hop by hop, there and back: a picture on top, then each place with what decided there. In: a flow of the answer,
// and where it was asked "what if" the same flow after the change. Out: text that fits the terminal.
import { evidenceLabel } from '../../fact/evidence.ts';
import type { AnswerEnd, AnswerFlow, AnswerHop } from '../answer-flow.ts';
import { shortName } from '../names.ts';
import { cleanStrings } from './clean-text.ts';
import { indentedLines, labelledLines, withRightText, wrapText } from './layout.ts';
import { drawPicture } from './picture.ts';
import { columnsOf, emptyLine, formatLines, glyphsOf, span } from './text-style.ts';
import type { Line, Span, TextStyle } from './text-style.ts';

const indent = 1;
/** A longer name stands on a line of its own. */
const widestPlace = 18;

export interface WhatIf {
  /** The commands, as typed. */
  readonly commands: readonly string[];
  readonly flow: AnswerFlow;
}

export function renderTrace(flow: AnswerFlow, style: TextStyle, whatIf?: WhatIf): string {
  const clean = cleanStrings({ flow, whatIf }, style);
  const lines = flowLines(clean.flow, style);
  if (clean.whatIf === undefined) return formatLines(lines, style);
  const columns = columnsOf(style);
  const heading = `what if: ${clean.whatIf.commands.join('; ')}`;
  return formatLines(
    [
      ...lines,
      emptyLine,
      ...wrapText(heading, columns).map((text): Line => [span(text, 'strong')]),
      emptyLine,
      ...flowLines(clean.whatIf.flow, style),
    ],
    style,
  );
}

function flowLines(flow: AnswerFlow, style: TextStyle): Line[] {
  const columns = columnsOf(style);
  const head = wrapText(describeEnds(flow, style), columns).map((text): Line => [span(text, 'strong')]);
  return [
    ...withRightText(head, verdictSpan(flow, style), columns),
    emptyLine,
    ...(flow.path.steps.length < 2 ? [] : [...drawPicture({ path: flow.path }, columns, style), emptyLine]),
    ...wayLines(flow, style),
    ...otherWayLines(flow, style),
  ];
}

/** `shop/web (10.42.1.7, blue) → shop/store (10.42.2.17, green) tcp 5432`. */
function describeEnds(flow: AnswerFlow, style: TextStyle): string {
  const glyphs = glyphsOf(style);
  const target = flow.to.name ?? (flow.to.at === undefined ? flow.to.address : shortName(flow.to.at));
  return [
    withPlace(shortName(flow.from.at), flow.from.address, flow.from.machine),
    glyphs.arrow,
    withPlace(target, flow.to.address, flow.to.machine),
    flow.to.protocol,
    ...(flow.to.port === undefined ? [] : [String(flow.to.port)]),
    ...(flow.mark === undefined || flow.mark === 0 ? [] : [`mark 0x${flow.mark.toString(16)}`]),
  ].join(' ');
}

function withPlace(name: string, address: string | undefined, machine: string | undefined): string {
  const facts = [address, machine === undefined ? undefined : shortName(machine)].filter(
    (fact) => fact !== undefined && fact !== name && fact !== '0.0.0.0' && fact !== '::',
  );
  return facts.length === 0 ? name : `${name} (${facts.join(', ')})`;
}

function verdictSpan(flow: AnswerFlow, style: TextStyle): Span {
  const glyphs = glyphsOf(style);
  switch (flow.verdict) {
    case 'arrives':
      return span(`${glyphs.healthy} arrives, and so does the answer`, 'good');
    case 'unknown':
      return span(`${glyphs.unknown} not known at ${shortName(flow.end.at)}`, 'warn');
    case 'partly':
      return span(`${glyphs.broken} arrives only by some of ${flow.ways} ways`, 'bad');
    case 'fails':
      return span(`${glyphs.broken} ${describeFailure(flow)}`, 'bad');
  }
}

function describeFailure(flow: AnswerFlow): string {
  const what = flow.direction === 'reply' ? 'the answer is ' : '';
  const place = shortName(flow.end.at);
  return flow.disposition === 'refused' ? `${what}refused by ${place}` : `${what}lost on ${place}`;
}

function wayLines(flow: AnswerFlow, style: TextStyle): Line[] {
  const glyphs = glyphsOf(style);
  const isRequestDelivered = flow.direction === 'reply' || flow.disposition === 'delivered';
  const request = placeLines(flow.hops, glyphs.request, style);
  if (!isRequestDelivered) {
    const reason = flow.direction === 'request' ? flow.path.end.text : '';
    return [
      ...request,
      ...endLines(flow.end, reason === flow.hops.at(-1)?.did ? '' : reason, style),
      ...rowLines({ sign: glyphs.reply, place: 'reply' }, 'not reached', style),
    ];
  }
  const replyReason = flow.direction === 'reply' ? flow.path.end.text : '';
  return [
    ...request,
    ...placeLines(flow.reply, glyphs.reply, style),
    ...(flow.replyEnd === undefined
      ? []
      : endLines(flow.replyEnd, replyReason === flow.reply.at(-1)?.did ? '' : replyReason, style)),
  ];
}

/** Hops of one place stand under its name; the last hop's place is repeated only when it changes. */
function placeLines(hops: readonly AnswerHop[], sign: string, style: TextStyle): Line[] {
  return hops.flatMap((hop, index) => {
    const isNewPlace = hops[index - 1]?.at !== hop.at;
    const head = isNewPlace ? { sign, place: shortName(hop.at) } : { sign: '', place: '' };
    return [...rowLines(head, hop.did, style), ...hopDetailLines(hop, style)];
  });
}

function hopDetailLines(hop: AnswerHop, style: TextStyle): Line[] {
  const hang = hangOf(style);
  const columns = columnsOf(style);
  const nested = hop.nested;
  const outer =
    nested === undefined
      ? []
      : nested.hops
          .filter(() => style.isWide || nested.end.disposition !== 'delivered')
          .flatMap((inner) => [
            ...indentedLines(`outer packet at ${shortName(inner.at)}: ${inner.did}`, hang + 2, columns),
            ...hopDetailLines(inner, style),
          ]);
  if (!style.isWide) return outer;
  return [
    ...(hop.assumes === undefined ? [] : indentedLines(`assumed: ${hop.assumes}`, hang + 2, columns, 'warn')),
    ...hop.decidedBy
      .filter((decider) => decider.text !== hop.did)
      .flatMap((decider) => indentedLines(`${decider.kind} ${decider.text}`, hang + 2, columns, 'dim')),
    ...hop.because.flatMap((evidence) => indentedLines(evidenceLabel(evidence), hang + 2, columns, 'dim')),
    ...outer,
  ];
}

function endLines(end: AnswerEnd, reason: string, style: TextStyle): Line[] {
  const glyphs = glyphsOf(style);
  if (end.disposition === 'delivered') return [];
  const isUnknown = end.disposition === 'unknown';
  const needs = end.needs === undefined ? '' : ` (needs ${end.needs})`;
  const text = `${isUnknown ? (end.question ?? reason) : reason}${needs}`;
  const sign = isUnknown ? glyphs.unknown : glyphs.broken;
  const label = end.disposition === 'unknown' ? 'not known' : end.disposition;
  return rowLines(
    { sign, place: label, tone: isUnknown ? 'warn' : 'bad' },
    text === '' ? `on ${shortName(end.at)}` : text,
    style,
  );
}

interface RowHead {
  readonly sign: string;
  readonly place: string;
  readonly tone?: 'warn' | 'bad';
}

function rowLines(head: RowHead, text: string, style: TextStyle): Line[] {
  const signColumns = 3;
  const hang = hangOf(style);
  const label = `${head.sign.padEnd(signColumns)}${head.place}`;
  return labelledLines({
    label: head.sign === '' ? '' : label,
    text,
    indent,
    labelColumns: hang - indent,
    columns: columnsOf(style),
    labelTone: head.tone ?? 'strong',
    ...(head.tone === undefined ? {} : { textTone: head.tone }),
  });
}

/** Where the text of a row starts. */
function hangOf(style: TextStyle): number {
  return columnsOf(style) < 60 ? 4 : indent + 3 + widestPlace + 2;
}

function otherWayLines(flow: AnswerFlow, style: TextStyle): Line[] {
  const others = flow.otherWays ?? [];
  if (others.length === 0) return [];
  const glyphs = glyphsOf(style);
  const rows = others.flatMap((way, index) => {
    const end =
      way.end.disposition === 'delivered'
        ? (way.replies?.find((reply) => reply.end.disposition !== 'delivered')?.end ?? way.end)
        : way.end;
    const isFine = end.disposition === 'delivered';
    const words = isFine ? 'arrives, and so does the answer' : `${end.disposition} at ${shortName(end.at)}`;
    const last = way.hops.at(-1)?.did;
    return rowLines(
      { sign: isFine ? glyphs.healthy : glyphs.broken, place: `way ${index + 2} of ${flow.ways}` },
      last === undefined ? words : `${words}: ${last}`,
      style,
    );
  });
  return [emptyLine, ...rows];
}
