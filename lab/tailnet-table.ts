// What a tailnet does to its members' routes: which prefixes table 52 of each must hold, and waiting until the kernel
// shows them. In go the members' wishes, out comes, as `ip` would print it, the table's IPv4 and IPv6 content; the same
// for the real tailscaled and for the tailnet made by hand. (tailscale 1.102.3, ipn/ipnlocal/local.go routerConfig.)
import { parsePrefix } from '../src/core/net/prefix.ts';
import type { LabMachine } from './machine.ts';
import { expectSuccess } from './machine.ts';

export interface JoinedMember {
  readonly machine: LabMachine;
  readonly acceptRoutes: boolean;
  readonly advertiseRoutes: readonly string[];
  readonly addresses: { readonly ipv4: string; readonly ipv6: string };
}

export const tailnetTable = '52';

const magicDnsRoute = '100.100.100.100';
const ipv6Routes = ['fd7a:115c:a1e0::/48', 'fd7a:115c:a1e0::53'];

/** The prefixes that `member` gets to route: each advertised prefix goes to the first that joined with it. */
export function primaryRoutes(members: readonly JoinedMember[], member: JoinedMember): string[] {
  return member.advertiseRoutes.filter(
    (route) => members.find((other) => other.advertiseRoutes.includes(route)) === member,
  );
}

/** Table 52 of `self`, destinations as `ip route` prints them, sorted. */
export function expectTable(members: readonly JoinedMember[], self: JoinedMember): string[] {
  const peers = members.filter((member) => member !== self);
  const accepted = self.acceptRoutes ? peers.flatMap((peer) => primaryRoutes(members, peer)) : [];
  return [magicDnsRoute, ...ipv6Routes, ...peers.map((peer) => peer.addresses.ipv4), ...accepted].sort();
}

export function isIpv6(prefix: string): boolean {
  return parsePrefix(prefix)?.family === 6;
}

const pollEveryMs = 50;

/** Resolves when table 52 of every member is as expected; rejects, and says which member's isn't, after `timeoutMs`. */
export async function waitForTables(members: readonly JoinedMember[], timeoutMs = 20_000): Promise<void> {
  const deadlineMs = Date.now() + timeoutMs;
  let waiting = [...members];
  while (waiting.length > 0) {
    const differences = await Promise.all(waiting.map((member) => describeDifference(members, member)));
    waiting = waiting.filter((_, index) => differences[index] !== undefined);
    if (waiting.length === 0) return;
    if (Date.now() > deadlineMs) {
      throw new Error(`the tailnet did not settle: ${differences.find((text) => text !== undefined) ?? ''}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollEveryMs));
  }
}

async function describeDifference(
  members: readonly JoinedMember[],
  member: JoinedMember,
): Promise<string | undefined> {
  const expected = expectTable(members, member);
  const found = await readTable(member.machine);
  const missing = expected.filter((route) => !found.includes(route));
  const surplus = found.filter((route) => !expected.includes(route));
  if (missing.length + surplus.length === 0) return undefined;
  const words = [
    missing.length > 0 ? `lacks ${missing.join(', ')}` : '',
    surplus.length > 0 ? `has ${surplus.join(', ')} too much` : '',
  ];
  return `table ${tailnetTable} of ${member.machine.name} ${words.filter((part) => part !== '').join(' and ')}`;
}

/** The destinations in table 52, IPv4 and IPv6, sorted; empty while the kernel doesn't know the table. */
export async function readTable(machine: LabMachine): Promise<string[]> {
  // `ip` exits 2 for a table that nobody has written to yet.
  const script = `ip -4 route show table ${tailnetTable} 2>/dev/null; ip -6 route show table ${tailnetTable} 2>/dev/null; :`;
  const text = expectSuccess(
    await machine.run(['sh', '-c', script]),
    `reading table ${tailnetTable} of ${machine.name}`,
  );
  return text
    .split('\n')
    .flatMap((line) => line.split(' ')[0] ?? [])
    .filter((destination) => destination !== '')
    .sort();
}
