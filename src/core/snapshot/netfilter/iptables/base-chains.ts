// The chains that iptables' tables hang into the kernel's hooks, with their priorities: the xt tables of Linux 6.12
// (net/ipv4/netfilter/iptable_*.c, the same for IPv6), and what iptables-nft 1.8.9 makes for the same names (nft.c).
import type { BaseChain } from '../../filter-facts.ts';

export type ChainHook = Omit<BaseChain, 'policy'>;

const filterAt = (hook: BaseChain['hook'], priority: number): ChainHook => ({
  hook,
  type: 'filter',
  priority,
});
const natAt = (hook: BaseChain['hook'], priority: number): ChainHook => ({ hook, type: 'nat', priority });

const chains: Readonly<Record<string, Readonly<Record<string, ChainHook>>>> = {
  raw: { PREROUTING: filterAt('prerouting', -300), OUTPUT: filterAt('output', -300) },
  mangle: {
    PREROUTING: filterAt('prerouting', -150),
    INPUT: filterAt('input', -150),
    FORWARD: filterAt('forward', -150),
    // A packet whose mark, TOS or address it changed is routed again.
    OUTPUT: { hook: 'output', type: 'route', priority: -150 },
    POSTROUTING: filterAt('postrouting', -150),
  },
  nat: {
    PREROUTING: natAt('prerouting', -100),
    INPUT: natAt('input', 100),
    OUTPUT: natAt('output', -100),
    POSTROUTING: natAt('postrouting', 100),
  },
  filter: {
    INPUT: filterAt('input', 0),
    FORWARD: filterAt('forward', 0),
    OUTPUT: filterAt('output', 0),
  },
  security: {
    INPUT: filterAt('input', 50),
    FORWARD: filterAt('forward', 50),
    OUTPUT: filterAt('output', 50),
  },
};

/** The built-in chains of a table by name; undefined for a table that iptables does not have. */
export function baseChainsOf(table: string): Readonly<Record<string, ChainHook>> | undefined {
  return Object.hasOwn(chains, table) ? chains[table] : undefined;
}
