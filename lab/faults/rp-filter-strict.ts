// Two ways between two nodes, and a node that accepts a packet only where it would answer.
import { changeMachine } from '../fault.ts';
import type { FaultGround, LabFault } from '../fault.ts';
import { addCard, changeNode } from '../plan-changes.ts';
import { findNode, lastNode } from '../plan.ts';
import { firstNode } from '../signature.ts';

/** Both have a storage card; node-2 sends by it what is for the other's address on the LAN. */
async function sendOverStorage(ground: FaultGround): Promise<void> {
  const peer = lastNode(ground.plan);
  const gateway = peer.secondLan;
  const own = findNode(ground.plan, 'node-2');
  if (gateway === undefined) throw new Error('this fault needs a second card on the last node');
  await changeMachine(ground, 'node-2', [
    `ip route add ${peer.lanAddress} via ${gateway.address} dev ${gateway.device} src ${own.lanAddress} table 100`,
    `ip rule add to ${peer.lanAddress} priority 100 lookup 100`,
    // Without it node-2 would ask for the other's MAC address with its LAN address, and a strict node answers no such ARP:
    // then it would depend on who asked last whether anything arrives.
    'echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce',
  ]);
}

const lostBetween = (one: string | undefined, other: string | undefined): 'timeout' | undefined =>
  one !== other && ['node-2', 'node-3'].every((name) => name === one || name === other)
    ? 'timeout'
    : undefined;

const strict = (devices: readonly string[]): string[] =>
  devices.map((device) => `echo 1 >/proc/sys/net/ipv4/conf/${device}/rp_filter`);

const twoCards: NonNullable<LabFault['changePlan']> = (plan) =>
  changeNode(changeNode(plan, 'node-2', addCard), lastNode(plan).name, addCard);

export const rpFilterStrict: LabFault = {
  name: 'rp-filter-strict',
  title: 'the last node drops what node-2 sends over its storage card (rp_filter is strict there)',
  description:
    'node-2 and the last node have a second card for storage. A policy rule on node-2 sends what is for the other’s LAN address over it, which is faster. A hardening script made rp_filter strict on the last node: it would answer by eth0, so it takes nothing from node-2’s LAN address on eth1, VXLAN included: flannel’s forwarding entries name no device. What pods of node-2 send to that machine itself is masqueraded to the storage card’s address and arrives.',
  expected: [{ layer: 'kernel-route', subjects: ['node/node-3'] }],
  signature: (attempt, { node }) => {
    const { from, kind, to, entry } = attempt;
    if (kind === 'tailnet') return ['ok', 'timeout'];
    if (kind === 'machine')
      return from.kind === 'pod' && to === 'node-3' ? undefined : lostBetween(from.node, to);
    const isToMachine = kind === 'nodeport' && !(from.kind === 'pod' && entry === 'node-3');
    return (isToMachine ? lostBetween(from.node, entry) : undefined) ?? lostBetween(firstNode(attempt), node);
  },
  changePlan: twoCards,
  make: async (ground) => {
    await sendOverStorage(ground);
    await changeMachine(ground, lastNode(ground.plan).name, strict(['all', 'default', 'eth0', 'eth1']));
  },
};

export const rpFilterLoose: LabFault = {
  name: 'rp-filter-loose',
  title:
    'node-2 sends over its storage card what the last node answers by the other (nothing breaks: rp_filter is loose)',
  description:
    'The two cards and the policy rule of rp-filter-strict. rp_filter is strict on node-1, where every path is symmetric, and loose where one is not.',
  expected: [],
  twinOf: 'rp-filter-strict',
  signature: () => undefined,
  changePlan: twoCards,
  make: async (ground) => {
    await sendOverStorage(ground);
    await changeMachine(ground, 'node-1', strict(['all', 'default', 'eth0']));
  },
};
