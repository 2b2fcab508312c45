// Whether an address is in an ipset, against `ipset test` of this kernel: generated members of every type that it has,
// nested networks and exceptions among them, read back from `ipset save`. Needs root, for a network namespace of its own.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { testIpset } from '../../src/core/model/filter-sets.ts';
import { readIpsets } from '../../src/core/snapshot/netfilter/read-ipsets.ts';
import type { Family } from '../../src/core/net/address.ts';
import { makeFile } from '../evidence/make-file.ts';
import { toAddress } from './made-chain.ts';
import { rollDice } from './random.ts';
import type { Dice } from './random.ts';

const types = [
  'hash:ip',
  'hash:net',
  'hash:ip,port',
  'hash:ip,port,ip',
  'hash:ip,port,net',
  'hash:net,port',
  'hash:net,iface',
  'bitmap:ip',
  'bitmap:port',
];
const perSet = 300;
const seed = process.env.CI === undefined ? Math.floor(Math.random() * 1e9) : 20_417;

interface Question {
  readonly set: string;
  readonly text: string;
  readonly parts: readonly string[];
  readonly family: Family;
  readonly components: readonly string[];
}

function findObstacle(): string | undefined {
  const tried = spawnSync('unshare', ['-n', 'ipset', 'create', 'a', 'hash:ip'], { timeout: 10_000 });
  return tried.status === 0 ? undefined : 'needs root and ipset, for a network namespace of its own';
}

function makeHost(dice: Dice, family: Family): string {
  if (family === 6) return `fd00::${dice.below(4)}:${dice.below(4)}:${1 + dice.below(6)}`;
  return `10.0.${dice.below(4)}.${dice.below(8)}`;
}

function makeNetwork(dice: Dice, family: Family): string {
  const lengths = family === 6 ? [80, 96, 112, 125, 128] : [8, 22, 24, 29, 30, 32];
  return `${makeHost(dice, family)}/${dice.pick(lengths)}`;
}

function makePort(dice: Dice, type: string, family: Family): string {
  if (type === 'bitmap:port') return String(dice.below(12));
  const icmp = family === 6 ? 'icmpv6:128/0' : 'icmp:8/0';
  return dice.pick([`tcp:${dice.below(4)}`, `udp:${dice.below(4)}`, icmp]);
}

function makePart(dice: Dice, component: string, type: string, family: Family): string {
  if (component === 'port') return makePort(dice, type, family);
  return component === 'iface' ? dice.pick(['eth0', 'eth1', 'cni0']) : makeHost(dice, family);
}

function describeSets(dice: Dice): { restore: string[]; questions: Question[] } {
  const restore: string[] = [];
  const questions: Question[] = [];
  for (const type of types) {
    for (const family of type.startsWith('bitmap') ? ([4] as const) : ([4, 6] as const)) {
      const set = `${type.replace(/[:,]/g, '-')}-${family}`;
      const range = { 'bitmap:ip': ' range 10.0.0.0/16', 'bitmap:port': ' range 0-100' }[type];
      restore.push(`create ${set} ${type}${range ?? ` family ${family === 4 ? 'inet' : 'inet6'}`}`);
      const components = type.slice(type.indexOf(':') + 1).split(',');
      for (let member = 0; member < 25; member++) {
        const parts = components.map((component) =>
          component === 'net' ? makeNetwork(dice, family) : makePart(dice, component, type, family),
        );
        const isException = components.includes('net') && dice.below(4) === 0;
        restore.push(`add ${set} ${parts.join(',')}${isException ? ' nomatch' : ''}`);
      }
      for (let question = 0; question < perSet; question++) {
        const parts = components.map((component) => makePart(dice, component, type, family));
        questions.push({ set, text: parts.join(','), parts, family, components });
      }
    }
  }
  return { restore, questions };
}

/** One answer for each question; the sets as they are saved come before. */
function askKernel(
  restore: readonly string[],
  questions: readonly Question[],
): { saved: string; answers: boolean[] } {
  const script = [
    'ipset -exist restore <<END',
    ...restore,
    'END',
    'ipset save',
    'echo ENDOFSETS',
    'ipset - 2>&1 <<END',
    ...questions.map(({ set, text }) => `test ${set} ${text}`),
    'END',
  ].join('\n');
  const asked = spawnSync('unshare', ['-n', 'sh'], { input: script, encoding: 'utf8', timeout: 60_000 });
  const [saved = '', answered = ''] = asked.stdout.split('ENDOFSETS\n');
  const lines = [...answered.matchAll(/is (NOT )?in set/g)];
  return { saved, answers: lines.map(([, not]) => not === undefined) };
}

const numbers: Readonly<Record<string, number>> = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58 };

function askModel(
  sets: ReturnType<typeof readSets>,
  { set, parts, components, family }: Question,
): boolean | string {
  const at = (component: string, nth = 0): string =>
    parts[components.flatMap((one, index) => (one === component ? [index] : []))[nth] ?? -1] ?? '';
  const [protocol = 'tcp', value = '0'] = at('port').includes(':')
    ? at('port').split(':')
    : ['tcp', at('port')];
  const nobody = toAddress(family === 4 ? '192.0.2.1' : 'fd01::1');
  const last = at('ip', 1) || (components[0] === 'ip' ? at('net') : at('net', 1));
  const [icmpType = '0', icmpCode = '0'] = value.split('/');
  const isIcmp = protocol.startsWith('icmp');
  return testIpset(sets, set, {
    family,
    protocol: numbers[protocol] ?? 0,
    packet: {
      source: toAddress(components[0] === 'port' ? nobody : parts[0]!),
      destination: last === '' ? nobody : toAddress(last),
      sourcePort: 0,
      destinationPort: isIcmp ? 0 : Number(value),
    },
    mark: 0,
    directions: components.map((component, index) =>
      index === 0 && component !== 'port' ? 'src' : component === 'iface' ? 'src' : 'dst',
    ),
    ...(at('iface') === '' ? {} : { inputLink: at('iface') }),
    ...(isIcmp ? { icmpType: Number(icmpType), icmpCode: Number(icmpCode) } : {}),
  });
}

function readSets(text: string): Parameters<typeof testIpset>[0] {
  const reading = readIpsets(makeFile('ipset.txt', text));
  if (!reading.isUnderstood) throw new Error(JSON.stringify(reading));
  return { known: true, value: reading.value, evidence: { path: 'ipset.txt' } };
}

describe(`ipset lookups, seed ${seed}`, () => {
  it('finds what the kernel finds', (ctx) => {
    const problem = findObstacle();
    if (problem !== undefined) return ctx.skip(problem);
    const { restore, questions } = describeSets(rollDice(seed));
    const { saved, answers } = askKernel(restore, questions);
    expect(answers).toHaveLength(questions.length);
    const sets = readSets(saved);
    const differences = questions.flatMap((question, at) => {
      const ours = askModel(sets, question);
      return ours === answers[at] ? [] : [`${question.set} ${question.text}: ${String(ours)}`];
    });
    expect(differences).toEqual([]);
    expect(answers.filter((isIn) => isIn).length).toBeGreaterThan(questions.length / 20);
  });
});
