// One fact at a time made unknown: the answer may lose certainty, but never blames something else, never calls a broken
// cluster healthy, and never a healthy one broken. A missing fact read as an empty one would show here.
import { describe, expect, test } from 'vitest';
import { diagnoseSnapshot } from '../../src/core/diagnose/diagnose.ts';
import type { Diagnosis } from '../../src/core/diagnose/diagnosis.ts';
import { createSnapshotReader } from '../../src/core/snapshot/read-snapshot.ts';
import { makeFile } from '../evidence/make-file.ts';
import { expectedCauses } from './expected-findings.ts';
import { readBundle, readFiles, textOf, withFile, withoutFiles } from './recorded-bundle.ts';
import type { Files } from './recorded-bundle.ts';
import { makeRandom } from './seeded-random.ts';

/** Files that decide what a packet does, or what should work. */
const deciding =
  /\/(?:ip-(?:link|addr|neigh|rule-4|route-4)|bridge-fdb|tailscale-status|tailscale-prefs)\.json$|\/sysctl\.txt$|^cluster\/resources\/(?:nodes|pods|services|endpoints.*)\.json$/;
const ofNode = /^nodes\/[^/]+\/(?!pods\/)/;

const diagnose = (files: Files): Diagnosis => diagnoseSnapshot(readFiles(files));

/** The files that any reader looked into; the rest is for people. */
function listReadFiles(files: Files): readonly string[] {
  const looked = new Set<string>();
  const reader = createSnapshotReader();
  for (const [path, bytes] of files) {
    const file = makeFile(path, bytes);
    const watched = new Proxy(file, {
      get: (target, key) => {
        if (key !== 'path') looked.add(path);
        return Reflect.get(target, key) as unknown;
      },
    });
    reader.take(watched);
  }
  reader.finish();
  return [...looked].filter((path) => path !== 'waylaid.json').sort();
}

function verdictsOf({ judged }: Diagnosis): ReadonlyMap<string, string> {
  return new Map(judged.map(({ intent, trace }) => [`${intent.kind} ${intent.label}`, trace.verdict]));
}

/** Every way in which the diagnosis of less evidence contradicts that of all of it; empty is right. */
function listContradictions(
  full: Diagnosis,
  less: Diagnosis,
  expected: readonly string[],
): readonly string[] {
  const contradictions: string[] = [];
  if (expected.length > 0 && less.verdict === 'healthy') contradictions.push('is called healthy');
  if (expected.length === 0 && less.verdict === 'broken') contradictions.push('is called broken');
  // Without its resolv.conf nobody knows which nameservers outside a machine asks; it is no flow of the cluster's own.
  const inside = ({ judged }: Diagnosis): number =>
    judged.filter(({ intent }) => intent.isOutward !== true).length;
  if (less.verdict === 'healthy' && inside(less) < inside(full)) {
    contradictions.push('is called healthy, although fewer flows were asked');
  }
  for (const cause of less.causes) {
    const isExpected = expected.some((line) => {
      const [code, layer, ...subjects] = line.split(' ');
      return (
        cause.code === code &&
        cause.layer === layer &&
        cause.subjects.every((subject) => subjects.includes(subject))
      );
    });
    if (!isExpected)
      contradictions.push(`blames ${cause.code} (${cause.confidence}) ${cause.subjects.join(' ')}`);
  }
  const before = verdictsOf(full);
  for (const [flow, verdict] of verdictsOf(less)) {
    const isFailing = verdict === 'fails' || verdict === 'partly';
    if (before.get(flow) === 'arrives' && isFailing) contradictions.push(`says that ${flow} ${verdict}`);
    if (before.get(flow) === 'fails' && verdict === 'arrives')
      contradictions.push(`says that ${flow} arrives`);
  }
  return [...contradictions, ...listNewRisks(full, less).map((risk) => `says that it works: ${risk}`)];
}

/** What takes packets for certain is no risk of something that works. */
function listNewRisks(full: Diagnosis, less: Diagnosis): readonly string[] {
  const known = full.risks.map((risk) => risk.text);
  return less.risks.map((risk) => risk.text).filter((text) => !known.includes(text));
}

describe.each(['chapter-17', 'healthy'])('%s', (bundle) => {
  test('without any one file that decides something', async () => {
    const files = await readBundle(bundle);
    const full = diagnose(files);
    const paths = [...files.keys()].filter((path) => deciding.test(path));
    expect(paths.length).toBeGreaterThan(70);
    const contradictions = paths.flatMap((path) =>
      listContradictions(
        full,
        diagnose(withoutFiles(files, (other) => other === path)),
        expectedCauses(bundle),
      ).map((contradiction) => `without ${path} it ${contradiction}`),
    );
    expect(contradictions).toEqual([]);
  });

  test('without several deciding files at once, picked by chance (seed 7)', async () => {
    const files = await readBundle(bundle);
    const full = diagnose(files);
    const paths = [...files.keys()].filter((path) => deciding.test(path));
    const random = makeRandom(7);
    for (let round = 0; round < 25; round++) {
      const gone = random.shuffle(paths).slice(0, 2 + random.below(12));
      const less = diagnose(withoutFiles(files, (path) => gone.includes(path)));
      expect(listContradictions(full, less, expectedCauses(bundle)), gone.join(' ')).toEqual([]);
    }
  });

  test('without the other files that are read, folder by folder', async () => {
    const files = await readBundle(bundle);
    const full = diagnose(files);
    const others = listReadFiles(files).filter((path) => !deciding.test(path));
    expect(others.length).toBeGreaterThan(70);
    const folders = new Set(others.map((path) => path.slice(0, path.lastIndexOf('/'))));
    for (const folder of folders) {
      const rest = withoutFiles(files, (path) => others.includes(path) && path.startsWith(`${folder}/`));
      const less = diagnose(rest);
      expect(listContradictions(full, less, expectedCauses(bundle)), folder).toEqual([]);
    }
  });

  test('files that nobody reads change nothing', async () => {
    const files = await readBundle(bundle);
    const read = new Set([...listReadFiles(files), 'waylaid.json']);
    const rest = withoutFiles(files, (path) => !read.has(path));
    expect(rest.size).toBeLessThan(files.size);
    const words = ({ verdict, causes, judged }: Diagnosis): string =>
      JSON.stringify([verdict, causes, judged]);
    expect(words(diagnose(rest))).toBe(words(diagnose(files)));
  });
});

describe.each(['table52-all-nodes', 'accept-routes-own-lan', 'flannel-route-lost', 'flannel-fdb-wrong'])(
  '%s',
  (bundle) => {
    test('without any one deciding file of a node', async () => {
      const files = await readBundle(bundle);
      const full = diagnose(files);
      const paths = [...files.keys()].filter((path) => deciding.test(path) && ofNode.test(path));
      expect(paths.length).toBeGreaterThanOrEqual(24);
      const contradictions = paths.flatMap((path) =>
        listContradictions(
          full,
          diagnose(withoutFiles(files, (other) => other === path)),
          expectedCauses(bundle),
        ).map((contradiction) => `without ${path} it ${contradiction}`),
      );
      expect(contradictions).toEqual([]);
    });
  },
);

describe('the manifest', () => {
  interface ManifestText {
    readonly items: readonly { readonly path: string }[];
  }

  function withProblem(files: Files, path: string, problem: string): Files {
    const manifest = JSON.parse(textOf(files, 'waylaid.json')) as ManifestText;
    const items = manifest.items.map((item) => (item.path === path ? { ...item, exit: 1, problem } : item));
    return withFile(files, 'waylaid.json', JSON.stringify({ ...manifest, items }));
  }

  const routing = ['ip-rule-4.json', 'ip-route-4.json', 'ip-link.json', 'bridge-fdb.json'];

  test.each(['forbidden', 'timed-out', 'truncated', 'unreachable', 'failed'])(
    'says %s of a file, and what is in it counts as unknown, whatever it seems to say',
    async (problem) => {
      const files = await readBundle('chapter-17');
      for (const path of routing.map((name) => `nodes/node-2/${name}`)) {
        const marked = diagnose(withProblem(files, path, problem));
        const gone = diagnose(withoutFiles(files, (other) => other === path));
        expect(marked.verdict, path).toBe(gone.verdict);
        expect([...verdictsOf(marked)], path).toEqual([...verdictsOf(gone)]);
        expect(
          marked.causes.map((cause) => cause.title),
          path,
        ).toEqual(gone.causes.map((cause) => cause.title));
        const reasons = marked.unknowns.filter(({ needs }) => needs === path).map(({ why }) => why);
        for (const why of reasons) expect(why).toMatch(new RegExp(`^${problem}`));
      }
    },
  );
});

describe('a node without its routing rules', () => {
  test.each(['node-1', 'node-2', 'node-3'])(
    '%s: its flows are unknown, the others are judged',
    async (node) => {
      const path = `nodes/${node}/ip-rule-4.json`;
      const files = await readBundle('healthy');
      const { verdict, judged, unknowns, causes } = diagnose(withoutFiles(files, (other) => other === path));
      expect(verdict).toBe('unknown');
      expect(causes).toEqual([]);
      const [unknown] = unknowns;
      expect(unknown).toMatchObject({ needs: path, command: `waylaid collect --node ${node}` });
      expect(unknowns).toHaveLength(1);
      const open = judged.filter(({ trace }) => trace.verdict === 'unknown').map(({ intent }) => intent.id);
      expect([...(unknown?.intents ?? [])].sort()).toEqual([...open].sort());
      const fromNode = judged.filter(({ intent }) => intent.flow.from === `node/${node}`);
      expect(fromNode.length).toBeGreaterThan(3);
      for (const { trace } of fromNode) expect(trace.verdict).toBe('unknown');
      expect(judged.some(({ trace }) => trace.verdict === 'arrives')).toBe(true);
    },
  );
});
