// What one flow through kube-proxy's rules costs at 10,000 Services against 1,000: the nat table as iptables-save prints
// it, read, compiled, and the same connections to the same Services followed through its PREROUTING. In: nothing. Out: one
// row; both sides come to the same endpoints, which the checksums hold. Both are warm: the rules of the chains that the
// connections meet are read, and the long chain's index is built, which the note gives for the first connection.
import { createHash } from 'node:crypto';
import { compileFilter } from '../src/core/model/compile-filter.ts';
import type { ProgramChain } from '../src/core/model/filter-program.ts';
import { readIptablesDump } from '../src/core/snapshot/netfilter/iptables/read-iptables-dump.ts';
import { evaluateChain } from '../src/core/trace/filter/evaluate-chain.ts';
import { makeFile } from '../test/evidence/make-file.ts';
import { makePacket, toAddress } from '../test/oracle/made-chain.ts';
import { compareSides } from './measure.ts';
import type { BenchRow, Side } from './measure.ts';

const serviceCount = 1000;
const flowCount = 20_000;

export async function runBench(): Promise<readonly BenchRow[]> {
  const few = prepareSide(serviceCount);
  const many = prepareSide(serviceCount * 10);
  const ratios = await compareSides({ ours: many.side, theirs: few.side });
  const perFlow = (ms: number): string => `${((ms / flowCount) * 1000).toFixed(1)} µs`;
  const row: BenchRow = {
    name: 'one flow through kube-proxy, 10,000 Services',
    against: '1,000 Services',
    // Ours over theirs: how much more the ten times as many rules cost.
    median: 1 / ratios.median,
    worst: 1 / ratios.worst,
    goal: 2,
    isLargerBetter: false,
    note: `${perFlow(ratios.oursMs)} against ${perFlow(ratios.theirsMs)}; the first ${many.firstMs.toFixed(0)} ms`,
  };
  return [ratios.agree ? row : { ...row, void: 'the answers differ' }];
}

function prepareSide(services: number): { readonly side: Side; readonly firstMs: number } {
  const place = compilePrerouting(services);
  const startedAt = performance.now();
  followAll(place, 1);
  const firstMs = performance.now() - startedAt;
  const side: Side = () => {
    const from = performance.now();
    const ends = followAll(place, flowCount);
    const elapsedMs = performance.now() - from;
    return Promise.resolve({ elapsedMs, checksum: createHash('sha256').update(ends).digest('hex') });
  };
  return { side, firstMs };
}

function compilePrerouting(services: number): ProgramChain {
  const reading = readIptablesDump(makeFile('iptables-nft-save.txt', writeSave(services)), 4);
  if (!reading.isUnderstood) throw new Error('the rules were not understood');
  const missing = { known: false, reason: 'not-installed', path: '' } as const;
  const dump = { known: true, value: reading.value, evidence: { path: 'iptables-nft-save.txt' } } as const;
  const program = compileFilter(
    {
      byDefault: { 4: missing, 6: missing },
      legacy: { 4: missing, 6: missing },
      nft: { 4: dump, 6: missing },
      nftables: missing,
      ipsets: missing,
      connections: missing,
    },
    4,
  );
  const place = program.known ? program.value.hooks.get('prerouting')?.[0] : undefined;
  if (place === undefined) throw new Error('no chain stands at prerouting');
  return place;
}

/** kube-proxy 1.33's rules for so many Services of two endpoints each. */
function writeSave(services: number): string {
  const chains: string[] = [];
  const rules: string[] = [
    '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
  ];
  const ends: string[] = [];
  for (let service = 0; service < services; service++) {
    const name = String(service).padStart(16, '0');
    const comment = `-m comment --comment "team-${service % 50}/service-${service}:http`;
    chains.push(`:KUBE-SVC-${name} - [0:0]`, `:KUBE-SEP-A${name} - [0:0]`, `:KUBE-SEP-B${name} - [0:0]`);
    rules.push(
      `-A KUBE-SERVICES -d ${serviceAddress(service)}/32 -p tcp ${comment} cluster IP" -m tcp --dport 80 -j KUBE-SVC-${name}`,
      `-A KUBE-SVC-${name} ! -s 10.42.0.0/16 -d ${serviceAddress(service)}/32 -p tcp ${comment} cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ`,
    );
    for (const [at, letter] of ['A', 'B'].entries()) {
      const pod = `10.42.${(service >> 7) & 255}.${((service & 127) << 1) + at}`;
      const chance = at === 0 ? ' -m statistic --mode random --probability 0.50000000000' : '';
      rules.push(`-A KUBE-SVC-${name} ${comment} -> ${pod}:8080"${chance} -j KUBE-SEP-${letter}${name}`);
      ends.push(
        `-A KUBE-SEP-${letter}${name} -s ${pod}/32 ${comment}" -j KUBE-MARK-MASQ`,
        `-A KUBE-SEP-${letter}${name} -p tcp ${comment}" -m tcp -j DNAT --to-destination ${pod}:8080`,
      );
    }
  }
  return [
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ':KUBE-SERVICES - [0:0]',
    ':KUBE-MARK-MASQ - [0:0]',
    ...chains,
    '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000',
    ...rules,
    ...ends,
    '-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-MARK-MASQ',
    'COMMIT',
    '',
  ].join('\n');
}

function serviceAddress(service: number): string {
  return `10.43.${service >> 8}.${service & 255}`;
}

/** Connections to the first Services, which both sides have. */
function followAll(place: ProgramChain, count: number): string {
  const packet = makePacket();
  const ends: string[] = [];
  for (let flow = 0; flow < count; flow++) {
    const destination = toAddress(serviceAddress((flow * 7) % serviceCount));
    const outcomes = evaluateChain(place, { ...packet, packet: { ...packet.packet, destination } });
    ends.push(outcomes.map(({ nat, mark }) => `${nat?.address ?? 'none'} ${mark}`).join(' '));
  }
  return ends.join('\n');
}
