// Tables of iptables being written: chains in the order they were made, rules appended or put in front. In: rules without
// their chain. Out: what iptables-restore takes. Programs of the netfilter oracle write into the same tables one after
// another, as they do on a machine.

export type TableName = 'raw' | 'mangle' | 'nat' | 'filter';

export interface Tables {
  readonly chain: (table: TableName, name: string, policy?: string) => void;
  readonly append: (table: TableName, chain: string, rule: string) => void;
  readonly insert: (table: TableName, chain: string, rule: string) => void;
  readonly write: () => string;
  readonly isEmpty: () => boolean;
}

export const builtins: Record<TableName, readonly string[]> = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
};

export function createTables(): Tables {
  const tables = new Map<TableName, { policies: Map<string, string>; rules: Map<string, string[]> }>();
  const find = (name: TableName): { policies: Map<string, string>; rules: Map<string, string[]> } => {
    let table = tables.get(name);
    if (table === undefined) {
      table = { policies: new Map(builtins[name].map((chain) => [chain, 'ACCEPT'])), rules: new Map() };
      tables.set(name, table);
    }
    return table;
  };
  const rulesOf = (name: TableName, chain: string): string[] => {
    const table = find(name);
    if (!table.policies.has(chain)) table.policies.set(chain, '-');
    const rules = table.rules.get(chain) ?? [];
    table.rules.set(chain, rules);
    return rules;
  };
  return {
    chain: (name, chain, policy = '-') => void find(name).policies.set(chain, policy),
    append: (name, chain, rule) => void rulesOf(name, chain).push(rule),
    insert: (name, chain, rule) => void rulesOf(name, chain).unshift(rule),
    isEmpty: () => tables.size === 0,
    write: () => [...tables].map(([name, table]) => writeTable(name, table)).join(''),
  };
}

function writeTable(
  name: TableName,
  table: {
    readonly policies: ReadonlyMap<string, string>;
    readonly rules: ReadonlyMap<string, readonly string[]>;
  },
): string {
  const chains = [...table.policies].map(([chain, policy]) => `:${chain} ${policy} [0:0]`);
  const rules = [...table.rules].flatMap(([chain, lines]) => lines.map((line) => `-A ${chain} ${line}`));
  return `*${name}\n${[...chains, ...rules].join('\n')}\nCOMMIT\n`;
}
