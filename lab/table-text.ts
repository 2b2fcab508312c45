// The words that everybody who writes iptables rules here shares. In go chains and rules of one table as iptables-save
// prints them, out comes text for iptables-restore.
export interface TableText {
  /** Its own chains, without the built-in ones. */
  readonly chains: readonly string[];
  readonly rules: readonly string[];
}

export const comment = (text: string): string => `-m comment --comment "${text}"`;

export const declareChain = (chain: string): string => `:${chain} - [0:0]`;

/** The table with everybody's chains and, in this order, everybody's rules. */
export function formatTable(table: string, ...parts: readonly TableText[]): string {
  return [
    `*${table}`,
    ...parts.flatMap((part) => part.chains.map(declareChain)),
    ...parts.flatMap((part) => part.rules),
    'COMMIT',
    '',
  ].join('\n');
}
