// What damage to one file may do to a snapshot: nothing may throw, and only that file's facts may be lost. And the order
// in which files come must not show at all.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BundleFile } from '../../src/core/snapshot/bundle-file.ts';
import type { Snapshot } from '../../src/core/snapshot/snapshot.ts';
import { makeFile, snapshotOf } from './make-file.ts';
import { factsOf, sampleFiles } from './sample-bundle.ts';

const files = sampleFiles();
const whole = snapshotOf(files);
const wholeFacts = factsOf(whole);

/** Facts that are made from more than the file that they cite. */
const alsoFedBy: Readonly<Record<string, readonly string[]>> = {
  'nodes/n1/bridge-link.json': ['nodes/n1/ip-link.json'],
  'nodes/n1/rt_tables': [
    'nodes/n1/ip-rule-4.json',
    'nodes/n1/ip-rule-6.txt',
    'nodes/n1/ip-route-4.json',
    'nodes/n1/ip-route-6.txt',
    'nodes/n1/pods/swimto_api-7d9/ip-route-4.txt',
    'nodes/n1/pods/netns_4026/ip-rule-4.txt',
  ],
};

/** The manifest says why other things are missing, so its loss changes those reasons: it is not compared here. */
const damageable = files.filter((file) => file.path !== 'waylaid.json');

function damage(path: string, content: Uint8Array): Snapshot {
  return snapshotOf(files.map((file) => (file.path === path ? makeFile(path, content) : file)));
}

function expectOnlyThatFileLost(snapshot: Snapshot, path: string): void {
  const fed = new Set([path, ...(alsoFedBy[path] ?? [])]);
  const facts = factsOf(snapshot);
  for (const [name, fact] of wholeFacts) {
    const source = fact.known ? fact.evidence.path : fact.path;
    if (!fed.has(source)) expect(facts.get(name), `${name} after damage to ${path}`).toEqual(fact);
  }
}

const anyFile = fc.constantFrom(...damageable);

test('a file of sockets cut to nothing is an empty list, and no other table is', () => {
  for (const file of damageable.filter(isTable)) {
    const facts = [...factsOf(damage(file.path, new Uint8Array())).values()];
    const read = facts.filter((fact) => fact.known && fact.evidence.path === file.path);
    expect(read.length, file.path).toBe(file.path.endsWith('/ss.txt') ? 1 : 0);
  }
});

describe('damage', () => {
  test('random bytes in one file cost that file only', () => {
    fc.assert(
      fc.property(anyFile, fc.uint8Array({ maxLength: 200 }), (file, bytes) => {
        expectOnlyThatFileLost(damage(file.path, bytes), file.path);
      }),
      { numRuns: 150 },
    );
  });

  test('random text in one file costs that file only', () => {
    const words = fc.constantFrom(
      '10.0.0.0/8',
      'dev',
      'eth0',
      'via',
      'from',
      '0:',
      '{',
      '"',
      '[',
      'inet',
      '\n',
      '\t',
      ' ',
      'null',
      ':',
      ',',
    );
    fc.assert(
      fc.property(anyFile, fc.array(words, { maxLength: 40 }), (file, parts) => {
        expectOnlyThatFileLost(damage(file.path, new TextEncoder().encode(parts.join(' '))), file.path);
      }),
      { numRuns: 150 },
    );
  });

  test('a byte changed in one file costs that file only', () => {
    fc.assert(
      fc.property(anyFile, fc.nat(), fc.nat(255), (file, position, byte) => {
        const bytes = Uint8Array.from(file.bytes);
        bytes[position % bytes.length] = byte;
        expectOnlyThatFileLost(damage(file.path, bytes), file.path);
      }),
      { numRuns: 150 },
    );
  });

  test('a file cut at any byte costs that file only, and a table is known whole or not at all', () => {
    fc.assert(
      fc.property(anyFile, fc.nat(), (file, position) => {
        const end = position % file.bytes.length;
        const bytes = file.bytes.subarray(0, end);
        const snapshot = damage(file.path, bytes);
        expectOnlyThatFileLost(snapshot, file.path);
        if (!isTable(file) || bytes.at(-1) === 0x0a) return;
        // `ss` prints nothing where nobody listens, so its file is a fact when it is empty.
        if (end === 0 && file.path.endsWith('/ss.txt')) return;
        for (const fact of factsOf(snapshot).values())
          expect(fact.known && fact.evidence.path === file.path).toBe(false);
        if (end > 0) expect(snapshot.notes.map((note) => note.path)).toContain(file.path);
      }),
      { numRuns: 250 },
    );
  });

  test('what an archive cut off is truncated, whatever it still says', () => {
    for (const file of damageable.filter(isTable)) {
      const cut = files.map((one) => (one === file ? { ...file, isTruncated: true } : one));
      const snapshot = snapshotOf(cut);
      const lost = [...factsOf(snapshot).values()].filter((fact) => !fact.known && fact.path === file.path);
      if (file.path.endsWith('bridge-link.json') || file.path.endsWith('rt_tables')) continue;
      expect(lost, file.path).not.toEqual([]);
      expect(lost[0]).toMatchObject({ reason: 'truncated', detail: `cut off at byte ${file.bytes.length}` });
    }
  });
});

/** Files whose every row matters; of logs, settings and the like half is half. */
function isTable(file: BundleFile): boolean {
  return /(?:ip-[a-z0-9-]+|bridge-[a-z]+|ss|tailscale-[a-z]+|resources\/.*|devices)\.(?:json|txt)$/.test(
    file.path,
  );
}

test('the order of the files never shows', () => {
  const shuffles = fc.shuffledSubarray([...files], { minLength: files.length });
  // One in a million shuffles has the second node's only file before all of the first's.
  const orders = fc.oneof(shuffles, fc.constant([...files].reverse()));
  fc.assert(
    fc.property(orders, (shuffled) => {
      const snapshot = snapshotOf(shuffled);
      expect(snapshot).toEqual(whole);
      expect([...snapshot.nodes.keys()]).toEqual([...whole.nodes.keys()]);
      expect([...snapshot.cluster.resources.keys()]).toEqual([...whole.cluster.resources.keys()]);
      expect([...factsOf(snapshot).keys()]).toEqual([...wholeFacts.keys()]);
    }),
    { numRuns: 25 },
  );
});

test('the sample itself is understood whole', () => {
  expect(whole.notes).toEqual([]);
  const sources = new Set(
    [...wholeFacts.values()].flatMap((fact) => (fact.known ? [fact.evidence.path] : [])),
  );
  const unused = files.map((file) => file.path).filter((path) => !sources.has(path));
  // Two are merged into facts of other files, and probes are no single fact.
  expect(unused).toEqual(['nodes/n1/bridge-link.json', 'nodes/n1/rt_tables', 'probes.jsonl']);
});
