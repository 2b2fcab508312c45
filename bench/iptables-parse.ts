// Reading a dump of kube-proxy's rules against the time that iptables-save itself needs to print it: 1,000 and 10,000
// Services with 15 endpoints each, restored in a network namespace of its own. In: nothing but root and iptables. Out: one
// row for each size and back end. Ours begins with the bytes of the file and ends with chains and rules; `and every rule
// understood` reads besides what each rule means, which waylaid does only for those that a packet meets. Both sides give
// the same lines, or the row is void.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BundleFile } from '../src/core/snapshot/bundle-file.ts';
import type { FilterDump } from '../src/core/snapshot/filter-facts.ts';
import { parseIptablesRule } from '../src/core/snapshot/netfilter/iptables/parse-iptables-rule.ts';
import { readIptablesDump } from '../src/core/snapshot/netfilter/iptables/read-iptables-dump.ts';
import { startWorld } from '../test/oracle/routing-kernel.ts';
import type { LiveWorld } from '../test/oracle/routing-kernel.ts';
import { compareSides } from './measure.ts';
import type { BenchRow, Side } from './measure.ts';

interface Setting {
  readonly services: number;
  readonly program: 'iptables-legacy' | 'iptables-nft';
  readonly isUnderstood: boolean;
  readonly goal: number;
}

const endpoints = 15;

const settings: readonly Setting[] = [
  { services: 1000, program: 'iptables-legacy', isUnderstood: false, goal: 2 },
  { services: 1000, program: 'iptables-legacy', isUnderstood: true, goal: 0.5 },
  { services: 1000, program: 'iptables-nft', isUnderstood: false, goal: 4 },
  { services: 10_000, program: 'iptables-legacy', isUnderstood: false, goal: 2 },
];

export async function runBench(): Promise<readonly BenchRow[]> {
  const tried = spawnSync('unshare', ['-n', 'iptables-legacy', '-V'], { encoding: 'utf8' });
  const rows: BenchRow[] = [];
  for (const setting of settings) {
    const row = describeRow(setting);
    const skipped = 'skipped: needs root and iptables, for a network namespace';
    rows.push(
      tried.status === 0
        ? { ...row, ...(await measureSetting(setting)) }
        : { ...row, median: 0, worst: 0, note: '', void: skipped },
    );
  }
  return rows;
}

function describeRow(setting: Setting): Pick<BenchRow, 'name' | 'against' | 'goal' | 'isLargerBetter'> {
  const rules = makeRuleCount(setting.services).toLocaleString('en');
  return {
    name: `iptables dump, ${rules} rules${setting.isUnderstood ? ' and every rule understood' : ''}`,
    against: `${setting.program}-save`,
    goal: setting.goal,
    isLargerBetter: true,
  };
}

function makeRuleCount(services: number): number {
  return services * (2 + 3 * endpoints) + 2;
}

async function measureSetting(
  setting: Setting,
): Promise<Pick<BenchRow, 'median' | 'worst' | 'note' | 'void'>> {
  const live = await startWorld({ linkCommands: [], settings: [], commands: [] });
  try {
    await writeFile(join(live.folder, 'rules'), writeRules(setting.services));
    await live.run(`${setting.program}-restore -w 60 < rules && ${setting.program}-save -c > dump`);
    const bytes = await readFile(join(live.folder, 'dump'));
    const { median, worst, oursMs, theirsMs, agree } = await compareSides({
      ours: prepareReader(bytes, setting),
      theirs: prepareSave(live, setting.program),
    });
    const megabytes = (bytes.length / 1e6).toFixed(0);
    const note = `${megabytes} MB: ${oursMs.toFixed(0)} ms against ${theirsMs.toFixed(0)} ms`;
    return agree ? { median, worst, note } : { median, worst, note, void: 'the lines differ' };
  } finally {
    await live.end();
  }
}

function prepareReader(bytes: Buffer, { isUnderstood }: Setting): Side {
  const file: BundleFile = {
    path: 'iptables-save.txt',
    bytes,
    text: (start, end) => bytes.toString('utf8', start, end),
  };
  return () => {
    const startedAt = performance.now();
    const reading = readIptablesDump(file, 4);
    if (!reading.isUnderstood) throw new Error(reading.detail);
    const steps = isUnderstood ? understandAll(reading.value) : 1;
    const elapsedMs = performance.now() - startedAt;
    return Promise.resolve({ elapsedMs, checksum: steps > 0 ? checksumOf(writeDump(reading.value)) : '' });
  };
}

function understandAll(dump: FilterDump): number {
  let steps = 0;
  for (const table of dump.tables) {
    for (const chain of table.chains.values()) {
      for (const { source } of chain.rules) {
        if (source.syntax === 'iptables') steps += parseIptablesRule(source.text, table.family).steps.length;
      }
    }
  }
  return steps;
}

/** The printed file is not read within the time. */
function prepareSave(live: LiveWorld, program: Setting['program']): Side {
  return async () => {
    const startedAt = performance.now();
    await live.run(`${program}-save -c > saved`);
    const elapsedMs = performance.now() - startedAt;
    const saved = await readFile(join(live.folder, 'saved'), 'utf8');
    return { elapsedMs, checksum: checksumOf(bareLines(saved)) };
  };
}

/** Tables, chains and rules, without counters, which a packet of the kernel's own may change. */
function* bareLines(text: string): Generator<string> {
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) yield line;
    else if (line.startsWith(':')) yield line.replace(/ \[.*/, '');
    else if (line.startsWith('[')) yield line.slice(line.indexOf(' ') + 1);
  }
}

function* writeDump(dump: FilterDump): Generator<string> {
  for (const table of dump.tables) {
    yield `*${table.name}`;
    for (const { name, base } of table.chains.values()) yield `:${name} ${base?.policy.toUpperCase() ?? '-'}`;
    for (const { name, rules } of table.chains.values()) {
      for (const { source } of rules) if (source.syntax === 'iptables') yield `-A ${name} ${source.text}`;
    }
  }
}

function checksumOf(lines: Iterable<string>): string {
  const hash = createHash('sha256');
  for (const line of lines) hash.update(`${line}\n`);
  return hash.digest('hex');
}

/** As kube-proxy 1.36 writes them, with chain names of the same length. */
function writeRules(services: number): string {
  const chains: string[] = [];
  const rules: string[] = [
    '-A PREROUTING -j KUBE-SERVICES',
    '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000',
  ];
  const nameOf = (kind: string, number: number): string =>
    `KUBE-${kind}-${number.toString(36).toUpperCase().padStart(16, '0')}`;
  for (let service = 0; service < services; service++) {
    const address = `10.96.${service >> 8}.${service & 255}`;
    const title = `--comment "shop-${service % 50}/service-${service}:http`;
    const chain = nameOf('SVC', service);
    chains.push(chain);
    rules.push(
      `-A KUBE-SERVICES -d ${address}/32 -p tcp -m comment ${title} cluster IP" -m tcp --dport 80 -j ${chain}`,
      `-A ${chain} ! -s 10.244.0.0/16 -d ${address}/32 -p tcp -m comment ${title} cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ`,
    );
    for (let endpoint = 0; endpoint < endpoints; endpoint++) {
      const number = service * endpoints + endpoint;
      const target = `10.244.${(number >> 8) & 255}.${number & 255}`;
      const end = nameOf('SEP', number);
      const chance = (1 / (endpoints - endpoint)).toFixed(11);
      const draw = endpoint === endpoints - 1 ? '' : ` -m statistic --mode random --probability ${chance}`;
      chains.push(end);
      rules.push(
        `-A ${chain} -m comment ${title} -> ${target}:8080"${draw} -j ${end}`,
        `-A ${end} -s ${target}/32 -m comment ${title}" -j KUBE-MARK-MASQ`,
        `-A ${end} -p tcp -m comment ${title}" -m tcp -j DNAT --to-destination ${target}:8080`,
      );
    }
  }
  const heads = ['KUBE-SERVICES', 'KUBE-MARK-MASQ', ...chains].map((name) => `:${name} - [0:0]`);
  return `${['*nat', ...heads, ...rules, 'COMMIT'].join('\n')}\n`;
}
