// What a statement of a rule does to a packet. In: a step that is no condition, and the branch. Out: the ways on from
// here: to the rule's next step, out of the rule, or to a verdict; more than one where the kernel draws.
import type { FilterVerdict } from '../../snapshot/filter-facts.ts';
import type { FilterStep, MarkEdit } from '../../snapshot/filter-steps.ts';
import type { Branch } from './branch.ts';
import type { NatChoice } from './chain-outcome.ts';
import { listNatChoices, mapNetwork, readMappedRange } from './choose-nat.ts';
import { describeVerdict } from './describe-verdict.ts';
import type { Condition, RuleSite } from './judge-condition.ts';
import { lookUp } from './match-keys.ts';
import { connectionOf } from './read-field.ts';

type Statement = Exclude<FilterStep, Condition>;
type StatementOf<K extends Statement['kind']> = Extract<Statement, { kind: K }>;

export interface Way {
  readonly branch: Branch;
  /** In a few words; absent where nothing happened. */
  readonly did?: string;
  /** `on`: to the next step; `off`: the rule ends here and the next rule follows. */
  readonly then: 'on' | 'off' | FilterVerdict | { readonly kind: 'unknown'; readonly question: string };
}

export function applyStatement(site: RuleSite, step: Statement, branch: Branch): readonly Way[] {
  switch (step.kind) {
    case 'verdict':
      return [giveVerdict(branch, step.verdict)];
    case 'verdict-map':
      return applyVerdictMap(site, step, branch);
    case 'set-mark':
      return [setMark(site, step, branch)];
    case 'nat':
      return applyNat(site, step, branch);
    case 'netmap':
      return [applyNetmap(site, step, branch)];
    case 'tproxy':
      return [applyTproxy(site, step, branch)];
    case 'untrack':
      return [untrack(site, branch)];
    case 'clamp-mss':
      return [{ branch: { ...branch, clampMss: step.bytes }, did: describeClamp(step), then: 'on' }];
    case 'note':
      return [{ branch, then: 'on' }];
    case 'opaque':
      return [stop(branch, `what does "${step.text}" do? (${step.why})`)];
  }
}

function stop(branch: Branch, question: string): Way {
  return { branch, then: { kind: 'unknown', question } };
}

function giveVerdict(branch: Branch, verdict: FilterVerdict): Way {
  if (verdict.kind === 'continue') return { branch, then: 'off' };
  return { branch, did: describeVerdict(verdict), then: verdict };
}

function applyVerdictMap(site: RuleSite, step: StatementOf<'verdict-map'>, branch: Branch): readonly Way[] {
  const { packet, owner, isXt } = site;
  const found = lookUp(step.keys, step.values, { packet, branch, isXt }, owner.table);
  if (found.kind === 'absent') return [{ branch, then: 'off' }];
  if (found.kind === 'unknown')
    return [stop(branch, `which verdict does "${step.text}" give? (${found.why})`)];
  return found.elements.map((element): Way => {
    if (element === undefined) return { branch, then: 'off' };
    if (element.verdict !== undefined) return giveVerdict(branch, element.verdict);
    return stop(branch, `which verdict does "${step.text}" give? (its element holds none)`);
  });
}

/**
 * Without a connection its mark can be neither read nor set: nftables ends the rule where it is read and passes over
 * where it is set (6.12 nft_ct.c), and iptables' CONNMARK does nothing (xt_connmark.c).
 */
function setMark(site: RuleSite, { target, edit }: StatementOf<'set-mark'>, branch: Branch): Way {
  const { packet, isXt } = site;
  const hasConnection = connectionOf({ packet, branch, isXt }) !== undefined;
  if (!hasConnection && edit.from === 'connection-mark') return { branch, then: 'off' };
  if (!hasConnection && target === 'connection-mark') return { branch, then: 'on' };
  const value = editMark(branch, target === 'mark' ? branch.mark : branch.connectionMark, edit);
  const did = `${target === 'mark' ? 'mark' : 'connection mark'} 0x${value.toString(16)}`;
  if (target === 'mark') return { branch: { ...branch, mark: value }, did, then: 'on' };
  return { branch: { ...branch, connectionMark: value }, did, then: 'on' };
}

function editMark(branch: Branch, old: number, { keep, from, fromMask, xor }: MarkEdit): number {
  const source = from === undefined ? 0 : from === 'mark' ? branch.mark : branch.connectionMark;
  return ((old & keep) ^ ((source & (fromMask ?? 0xffffffff)) ^ xor)) >>> 0;
}

function applyNat(site: RuleSite, step: StatementOf<'nat'>, branch: Branch): readonly Way[] {
  if (step.map === undefined) return chooseAll(branch, step, listNatChoices(step.type, step.range));
  const { packet, owner, isXt } = site;
  const found = lookUp(step.map.keys, step.map.values, { packet, branch, isXt }, owner.table);
  if (found.kind === 'absent') return [{ branch, then: 'off' }];
  if (found.kind === 'unknown')
    return [stop(branch, `which target does "${step.text}" choose? (${found.why})`)];
  return found.elements.flatMap((element) => {
    if (element === undefined) return [{ branch, then: 'off' }];
    const range = { ...step.range, ...readMappedRange(element) };
    return chooseAll(branch, step, listNatChoices(step.type, range));
  });
}

/** A translation ends the base chain as accept does, in iptables (NF_ACCEPT) and in nftables (6.12 nft_nat.c). */
function chooseAll(
  branch: Branch,
  { text }: { readonly text: string },
  choices: readonly NatChoice[] | undefined,
): readonly Way[] {
  if (choices === undefined) return [stop(branch, `which of its many addresses does "${text}" choose?`)];
  return choices.map((nat) => ({
    branch: { ...branch, nat },
    did: describeNat(nat),
    then: { kind: 'accept' },
  }));
}

function applyNetmap(site: RuleSite, step: StatementOf<'netmap'>, branch: Branch): Way {
  const { packet } = site.packet;
  const type = step.type === 'by-hook' ? typeAtHook(site) : step.type;
  const address = mapNetwork(type === 'dnat' ? packet.destination : packet.source, step.range);
  if (address === undefined) return stop(branch, `which address does "${step.text}" choose?`);
  const nat: NatChoice = { type, address };
  return { branch: { ...branch, nat }, did: describeNat(nat), then: { kind: 'accept' } };
}

/** iptables' NETMAP translates what the hook is for (6.12 xt_NETMAP.c). */
function typeAtHook({ hook }: RuleSite): 'snat' | 'dnat' {
  return hook === 'input' || hook === 'postrouting' ? 'snat' : 'dnat';
}

/**
 * iptables' TPROXY accepts, or drops where no socket listens; nftables' goes on to the rule's next statement, or ends the
 * rule where no socket listens (6.12 xt_TPROXY.c, nft_tproxy.c). Who listens is the caller's to find out.
 */
function applyTproxy(site: RuleSite, step: StatementOf<'tproxy'>, branch: Branch): Way {
  if (!site.isXt && site.packet.packet.protocol === 'icmp') return { branch, then: 'off' };
  const mark = step.mark === undefined ? branch.mark : editMark(branch, branch.mark, step.mark);
  const did = `hands it to a local socket${step.port === undefined ? '' : ` on port ${step.port}`}`;
  const taken = { ...branch, mark, isTproxy: true };
  return { branch: taken, did, then: site.isXt ? { kind: 'accept' } : 'on' };
}

/** Nothing where the packet has a connection already (6.12 xt_CT.c notrack_tg, nft_ct.c nft_notrack_eval). */
function untrack(site: RuleSite, branch: Branch): Way {
  const { packet, isXt } = site;
  const isLate = branch.isUntracked || connectionOf({ packet, branch, isXt }) !== undefined;
  if (isLate) return { branch, then: 'on' };
  return { branch: { ...branch, isUntracked: true }, did: 'leaves it untracked', then: 'on' };
}

function describeClamp({ bytes }: StatementOf<'clamp-mss'>): string {
  return bytes === 'path' ? "clamps the MSS to the path's MTU" : `sets the MSS to ${bytes}`;
}

function describeNat({ type, address, port, ports }: NatChoice): string {
  const range = ports === undefined ? port : `${ports.from}-${ports.to}`;
  const target = [address?.includes(':') ? `[${address}]` : address, range].filter(
    (part) => part !== undefined,
  );
  return target.length === 0 ? type : `${type} to ${target.join(':')}`;
}
