// Targets that translate addresses: DNAT, SNAT, MASQUERADE, REDIRECT, NETMAP, and TPROXY, which does it by socket. In: the
// target with its options. Out: its step, or undefined where it is not understood.
// `--random`, `--random-fully` and `--persistent` choose among the same ports and addresses, so they change nothing here.
import { compareAddresses, familyOf, parseAddress } from '../../../net/address.ts';
import type { Address, Family } from '../../../net/address.ts';
import type { FilterStep, NatRange } from '../../filter-steps.ts';
import { parseMasked, parseNetwork, parseNumber, parseNumberRange } from './literals.ts';
import type { RuleClause, RuleOption } from './rule-parts.ts';

const choices: ReadonlySet<string> = new Set(['--random', '--random-fully', '--persistent']);

/** The option that says what to translate to, none (`null`), or undefined where there is anything else. */
function soleRange(clause: RuleClause, name: string): RuleOption | null | undefined {
  const options = clause.options.filter((option) => !choices.has(option.name));
  const [option] = options;
  if (option === undefined) return null;
  return options.length === 1 && option.name === name && !option.isNegated && option.args.length === 1
    ? option
    : undefined;
}

export function readNat(clause: RuleClause, family: Family): FilterStep | undefined {
  const isSource = clause.name === 'SNAT';
  const option = soleRange(clause, isSource ? '--to-source' : '--to-destination');
  if (option === null || option === undefined) return undefined;
  const range = parseNatRange(option.args[0] ?? '', family);
  if (range === undefined) return undefined;
  return { kind: 'nat', type: isSource ? 'snat' : 'dnat', range, text: clause.text };
}

/** `10.0.0.1`, `10.0.0.1-10.0.0.9:80-90`, `:80`, `[fd00::1]:80`, `[fd00::1-fd00::9]:80`. */
function parseNatRange(text: string, family: Family): NatRange | undefined {
  const { addressText, portText } = splitNatRange(text, family);
  const addresses = addressText === '' ? undefined : parseAddresses(addressText, family);
  const ports = portText === undefined ? undefined : parseNumberRange(portText, 65535, '-');
  const hasOddAddress = addressText !== '' && addresses === undefined;
  const hasOddPort = portText !== undefined && ports === undefined;
  if (hasOddAddress || hasOddPort || (addressText === '' && portText === undefined)) return undefined;
  return { ...(addresses === undefined ? {} : { addresses }), ...(ports === undefined ? {} : { ports }) };
}

function splitNatRange(
  text: string,
  family: Family,
): { readonly addressText: string; readonly portText: string | undefined } {
  // `[fd00::1]-[fd00::9]:80` is read by ip6tables too; it prints one pair of brackets.
  const plain = text.replace(']-[', '-');
  const hasPort = family === 4 || plain.startsWith('[') || /^:\d/.test(plain);
  const found = hasPort ? /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(plain) : null;
  if (found === null) return { addressText: plain, portText: undefined };
  const [, inBrackets, bare, portText] = found;
  return { addressText: inBrackets ?? bare ?? '', portText };
}

function parseAddresses(
  text: string,
  family: Family,
): { readonly from: Address; readonly to: Address } | undefined {
  const [fromText = '', toText = fromText, more] = text.split('-');
  const from = parseAddress(fromText);
  const to = parseAddress(toText);
  if (from === undefined || to === undefined || more !== undefined) return undefined;
  if (familyOf(from) !== family || familyOf(to) !== family || compareAddresses(from, to) > 0)
    return undefined;
  return { from, to };
}

export function readMasquerade(clause: RuleClause): FilterStep | undefined {
  const option = soleRange(clause, '--to-ports');
  if (option === undefined) return undefined;
  const ports = option === null ? undefined : parseNumberRange(option.args[0], 65535, '-');
  if (option !== null && ports === undefined) return undefined;
  const type = clause.name === 'REDIRECT' ? 'redirect' : 'masquerade';
  return { kind: 'nat', type, range: ports === undefined ? {} : { ports }, text: clause.text };
}

export function readNetmap(clause: RuleClause, family: Family): FilterStep | undefined {
  const option = soleRange(clause, '--to');
  if (option === null || option === undefined) return undefined;
  const network = parseNetwork(option.args[0], family);
  if (network?.kind !== 'address') return undefined;
  const { from, to } = network;
  return { kind: 'netmap', type: 'by-hook', range: { addresses: { from, to } }, text: clause.text };
}

export function readTproxy(clause: RuleClause, family: Family): FilterStep | undefined {
  const argument = (name: string): string | undefined =>
    clause.options.find((option) => option.name === name)?.args[0];
  const known = ['--on-port', '--on-ip', '--tproxy-mark'];
  const isKnown = clause.options.every(
    (option) => known.includes(option.name) && !option.isNegated && option.args.length === 1,
  );
  const port = parseNumber(argument('--on-port') ?? '0');
  const address = parseAddress(argument('--on-ip') ?? (family === 4 ? '0.0.0.0' : '::'));
  const mark = parseMasked(argument('--tproxy-mark') ?? '0/0');
  if (!isKnown || port === undefined || port > 65535 || address === undefined || mark === undefined)
    return undefined;
  // No address is the one of the device that the packet came by, no port the packet's own (xt_TPROXY.c, Linux 6.12).
  const isAnyAddress = address === '0.0.0.0' || address === '::';
  return {
    kind: 'tproxy',
    text: clause.text,
    ...(port === 0 ? {} : { port }),
    ...(isAnyAddress ? {} : { address }),
    ...(mark.mask === 0 && mark.value === 0 ? {} : { mark: { keep: ~mark.mask >>> 0, xor: mark.value } }),
  };
}
