// The same fault in a world of other names and numbers is the same fault: nodes, the tailnet's gateway, the pods', the
// Services' and the machines' networks are renamed throughout a recorded bundle, and the causes are the renamed ones.
import { describe, expect, test } from 'vitest';
import { expectedFindings } from './expected-findings.ts';
import { causesOf, judgeFiles, readBundle, rewriteFiles } from './recorded-bundle.ts';
import type { Files } from './recorded-bundle.ts';

interface World {
  readonly world: string;
  /** Old to new, first match first. */
  readonly words: readonly (readonly [from: RegExp, to: string])[];
}

/** First octets only: whatever stands behind them stays as it is, networks of /24 included. */
const worlds: readonly World[] = [
  {
    world: 'the numbers of kubeadm and flannel, and another LAN',
    words: [
      [/(?<![\d.])10\.42\.(?=\d)/g, '10.244.'],
      [/(?<![\d.])10\.43\.(?=\d)/g, '10.96.'],
      [/(?<![\d.])192\.168\.50\.(?=\d)/g, '192.168.7.'],
      [/\bnode-(?=\d)/g, 'worker'],
      [/\bpi-gateway\b/g, 'attic'],
    ],
  },
  {
    world: '172.20 pods and hosts with dots in their names',
    words: [
      [/(?<![\d.])10\.42\.(?=\d)/g, '172.20.'],
      [/(?<![\d.])10\.43\.(?=\d)/g, '172.21.'],
      [/\b10\.0\.0\.0\/8\b/g, '172.16.0.0/12'],
      [/(?<![\d.])192\.168\.50\.(?=\d)/g, '192.168.188.'],
      [/\bnode-(?=\d)/g, 'ip-10-0-0-'],
      [/\bpi-gateway\b/g, 'zz.example'],
    ],
  },
];

const bundles = expectedFindings.filter(({ bundle }) => bundle !== 'table52-wider-route-5-nodes');

function rename(text: string, { words }: World): string {
  return words.reduce((renamed, [from, to]) => renamed.replace(from, to), text);
}

/** Secrets' values and other base64 hold none of these words in the clear, and stay. */
function renameFiles(files: Files, world: World): Files {
  return rewriteFiles(files, (text) => rename(text, world));
}

describe.each(worlds)('$world', (world) => {
  test.each(bundles)('$bundle', async ({ bundle, causes }) => {
    const files = await readBundle(bundle);
    const plain = judgeFiles(files);
    const renamed = judgeFiles(renameFiles(files, world));
    // The gateway of a name with a dot is known to the tailnet by the first label.
    const expected = causes.map((cause) => rename(cause, world).replace('zz.example', 'zz'));
    expect(causesOf(renamed.answer)).toEqual(expected);
    expect(renamed.answer.verdict).toBe(plain.answer.verdict);
    expect(renamed.answer.rootCauses.map((cause) => cause.confidence)).toEqual(causes.map(() => 'proven'));
    const { intended, delivered, failed, unknown } = plain.answer.flows;
    expect(renamed.answer.flows).toMatchObject({ intended, delivered, failed, unknown });
    expect(renamed.answer.symptoms).toHaveLength(plain.answer.symptoms.length);
    expect(renamed.repairs.map((repair) => [repair.kind, repair.simulated])).toEqual(
      plain.repairs.map((repair) => [repair.kind, repair.simulated]),
    );
    expect(JSON.stringify(renamed.answer)).not.toMatch(/10\.42\.\d|10\.43\.\d|192\.168\.50\.\d|pi-gateway/);
  });
});
