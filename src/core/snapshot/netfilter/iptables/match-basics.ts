// What a rule says before its modules: addresses, devices, protocol, fragments. In: one such option. Out: its steps, in the
// kernel's order (ip_packet_match in net/ipv4/netfilter/ip_tables.c, Linux 6.12) where the caller sorts them.
import type { Family } from '../../../net/address.ts';
import type { FilterStep } from '../../filter-steps.ts';
import { exactly, parseDevice, parseNetwork, parseProtocol } from './literals.ts';
import { matchOn } from './match-steps.ts';
import type { RuleParts } from './rule-parts.ts';

type Basic = RuleParts['basics'][number];

const order: readonly string[] = ['-s', '-d', '-i', '-o', '-p', '-f'];

/** The protocol comes before every module: ports are looked at only where there are some. */
export function readBasics(basics: readonly Basic[], family: Family): readonly FilterStep[] {
  return order.flatMap((name) =>
    basics.filter((basic) => basic.name === name).flatMap((basic) => readBasic(basic, family)),
  );
}

function readBasic(basic: Basic, family: Family): readonly FilterStep[] {
  switch (basic.name) {
    case '-s':
    case '-d':
      return readAddress(basic, family);
    case '-i':
    case '-o':
      return readDevice(basic);
    case '-p':
      return readProtocol(basic);
    default:
      return readFragment(basic);
  }
}

function readAddress(basic: Basic, family: Family): readonly FilterStep[] {
  const { isNegated, text } = basic;
  const value = parseNetwork(basic.args[0], family);
  if (value === undefined) return [{ kind: 'opaque-match', text, why: 'compares with a mask that has gaps' }];
  return [matchOn({ key: basic.name === '-s' ? 'source' : 'destination', values: [value], isNegated, text })];
}

function readDevice(basic: Basic): readonly FilterStep[] {
  const { isNegated, text } = basic;
  const name = basic.args[0] ?? '';
  // `+` is every device and none: the mask compares no byte of the name.
  if (name === '+') return isNegated ? [{ kind: 'chance', text, isNever: true }] : [];
  if (name === '') return [{ kind: 'opaque-match', text, why: 'names no device' }];
  const key = basic.name === '-i' ? 'input-link' : 'output-link';
  return [matchOn({ key, values: [parseDevice(name)], isNegated, text })];
}

function readProtocol(basic: Basic): readonly FilterStep[] {
  const { isNegated, text } = basic;
  const protocol = parseProtocol(basic.args[0]);
  if (protocol === undefined) return [{ kind: 'opaque-match', text, why: 'names an unknown protocol' }];
  // Zero is every protocol, negated or not (ip_packet_match looks only at others).
  if (protocol === 0) return [];
  return [matchOn({ key: 'protocol', values: [exactly(protocol)], isNegated, text })];
}

/**
 * Second and later fragments. No packet that is traced is one, and where connections are tracked none gets to a rule:
 * nf_defrag puts them together at priority -400.
 */
function readFragment({ isNegated, text }: Basic): readonly FilterStep[] {
  return isNegated ? [] : [{ kind: 'chance', text, isNever: true }];
}
