// Bundles as they arrive from the world: cut off, with garbage in a file, of another version, with two machines of one name,
// with Windows line ends, huge. Whatever can still be judged is judged, what cannot is said with its path, and nothing is
// blamed that evidence does not show.
import { describe, expect, test } from 'vitest';
import {
  judgeFacts,
  judgeFiles,
  causesOf,
  readBundle,
  readFiles,
  textOf,
  withFile,
  withoutFiles,
} from './recorded-bundle.ts';
import { expectedCauses } from './expected-findings.ts';
import type { Files, Judged } from './recorded-bundle.ts';
import { makeRandom } from './seeded-random.ts';

const textFiles = /\.(?:json|txt)$|^cluster\//;

/** Nothing but the expected, or nothing; and a broken cluster is never called healthy. */
function expectNothingInvented({ answer }: Judged, bundle: string, what: string): void {
  const expected = expectedCauses(bundle);
  for (const cause of answer.rootCauses) {
    const isKnown = expected.some((line) => line.startsWith(`${cause.code} ${cause.layer} `));
    expect(isKnown, `${what}: ${cause.title}`).toBe(true);
  }
  expect(answer.verdict, what).not.toBe(expected.length > 0 ? 'healthy' : 'broken');
}

function decidingFiles(files: Files): readonly string[] {
  const deciding =
    /\/(?:ip-\w+(?:-4)?|bridge-fdb|tailscale-(?:status|prefs|netmap))\.json$|^cluster\/resources\/(?:nodes|pods|services)\.json$/;
  return [...files.keys()].filter((path) => deciding.test(path));
}

describe('garbage in one file', () => {
  const garbage: readonly (readonly [name: string, bytes: Uint8Array])[] = [
    ['zeros', new Uint8Array(300)],
    ['a web page', new TextEncoder().encode('<!doctype html><title>502 Bad Gateway</title>\n')],
    ['other JSON', new TextEncoder().encode('{"error":"no","items":7}')],
    ['bytes of no encoding', Uint8Array.from({ length: 500 }, (_, index) => (index * 89 + 128) & 255)],
  ];
  test.each(garbage)('%s: said by its path, and nothing is invented', async (name, bytes) => {
    const random = makeRandom(name.length);
    for (const bundle of ['chapter-17', 'healthy']) {
      const files = await readBundle(bundle);
      for (const path of random.shuffle(decidingFiles(files)).slice(0, 12)) {
        const judged = judgeFiles(withFile(files, path, bytes));
        expectNothingInvented(judged, bundle, `${name} in ${path}`);
        const notes = judged.answer.notes.filter((note) => note.path === path);
        expect(notes.length, path).toBeGreaterThan(0);
        for (const note of notes) {
          expect(note.text).toMatch(/^[^\n]+\.$/);
          expect(note.text).toContain(path);
        }
      }
    }
  });
});

describe('a file that is cut off', () => {
  test('at any byte: its path and the byte are said, and nothing is invented', async () => {
    const random = makeRandom(5);
    for (const bundle of ['chapter-17', 'healthy']) {
      const files = await readBundle(bundle);
      for (const path of random.shuffle(decidingFiles(files)).slice(0, 25)) {
        const bytes = files.get(path)!;
        const size = 1 + random.below(bytes.length - 2);
        const judged = judgeFacts(readFiles(withFile(files, path, bytes.slice(0, size)), [path]));
        const what = `${path} cut off at byte ${size}`;
        expectNothingInvented(judged, bundle, what);
        expect(judged.answer.notes.map((note) => note.text).join('\n'), what).toContain(
          what.replace(' cut', ' is cut'),
        );
      }
    }
  });

  test('without the archive saying so: still not half a fact', async () => {
    const random = makeRandom(6);
    const files = await readBundle('chapter-17');
    for (const path of random.shuffle(decidingFiles(files)).slice(0, 25)) {
      const bytes = files.get(path)!;
      const judged = judgeFiles(withFile(files, path, bytes.slice(0, random.below(bytes.length - 2))));
      expectNothingInvented(judged, 'chapter-17', path);
    }
  });
});

describe('a bundle with', () => {
  test('nothing but its manifest: nothing is known', async () => {
    const { answer } = judgeFiles(
      withoutFiles(await readBundle('healthy'), (path) => path !== 'waylaid.json'),
    );
    expect(answer.verdict).toBe('unknown');
    expect(answer.flows.intended).toBe(0);
    expect(answer.rootCauses).toEqual([]);
    expect(answer.unknowns.length).toBeGreaterThan(0);
  });

  test('nothing at all', () => {
    const { answer } = judgeFiles(new Map());
    expect(answer.verdict).toBe('unknown');
    expect(answer.rootCauses).toEqual([]);
  });

  test('a manifest of a future version: one sentence, and all is judged', async () => {
    const files = await readBundle('chapter-17');
    const manifest = textOf(files, 'waylaid.json').replace('waylaid-evidence/1', 'waylaid-evidence/9');
    const { answer } = judgeFiles(withFile(files, 'waylaid.json', manifest));
    expect(causesOf(answer)).toEqual(expectedCauses('chapter-17'));
    expect(answer.notes).toHaveLength(1);
    expect(answer.notes[0]?.text).toMatch(/^waylaid\.json says waylaid-evidence\/9,/);
  });

  test('two nodes of one name: the one that objects can mean is used, and it is said', async () => {
    const files = await readBundle('chapter-17');
    const doubled = new Map(files);
    for (const [path, bytes] of files) {
      if (path.startsWith('nodes/node-3/')) doubled.set(path.replace('node-3', 'NODE-2'), bytes);
    }
    const { answer } = judgeFiles(doubled);
    expect(causesOf(answer)).toEqual(expectedCauses('chapter-17'));
    expect(answer.flows).toEqual(judgeFiles(files).answer.flows);
    expect(answer.notes.map(({ code, text }) => [code, text])).toEqual([
      [
        'duplicate-name',
        'nodes/NODE-2 has the name of nodes/node-2; the files of nodes/node-2 are used and those of nodes/NODE-2 ignored.',
      ],
    ]);
  });

  test('pods on a node that is not in it: their flows are unknown, the rest is judged', async () => {
    const files = await readBundle('chapter-17');
    const judged = judgeFiles(withoutFiles(files, (path) => path.startsWith('nodes/node-3/')));
    expectNothingInvented(judged, 'chapter-17', 'without node-3');
    expect(causesOf(judged.answer)).toEqual(expectedCauses('chapter-17'));
    expect(judged.answer.vantage.nodesMissing).toEqual(['node-3']);
    expect(judged.answer.flows.unknown).toBeGreaterThan(0);
    expect(judged.answer.unknowns.map((unknown) => unknown.command)).toContain(
      'waylaid collect --node node-3',
    );
  });

  test('20,000 more routes on a node: the same cause', async () => {
    const files = await readBundle('chapter-17');
    const path = 'nodes/node-2/ip-route-4.json';
    const routes = JSON.parse(textOf(files, path)) as readonly unknown[];
    const more = Array.from({ length: 20_000 }, (_, index) => ({
      ...{
        type: 'unicast',
        dst: `11.${index >> 8}.${index & 255}.0/24`,
        dev: 'eth0',
        gateway: '192.168.50.1',
      },
      ...{ table: index % 2 === 0 ? 'main' : '52', protocol: 'static', scope: 'global', flags: [] },
    }));
    const { answer } = judgeFiles(withFile(files, path, JSON.stringify([...more, ...routes])));
    expect(causesOf(answer)).toEqual(expectedCauses('chapter-17'));
    expect(answer.flows.failed).toBe(7);
  });
});

describe('files made by hand', () => {
  const handMade = (change: (text: string) => string) => async (): Promise<void> => {
    const files = await readBundle('chapter-17-text');
    const changed = new Map<string, Uint8Array>();
    for (const [path, bytes] of files) {
      const text = new TextDecoder().decode(bytes);
      changed.set(path, textFiles.test(path) ? new TextEncoder().encode(change(text)) : bytes);
    }
    const judged = judgeFiles(changed);
    const plain = judgeFiles(files);
    expect(causesOf(judged.answer)).toEqual(expectedCauses('chapter-17-text'));
    expect(judged.answer.flows.failed).toBe(plain.answer.flows.failed);
    expect(judged.answer.flows.unknown).toBe(0);
    expect(judged.answer.notes).toEqual([]);
  };

  test(
    'with CRLF line ends',
    handMade((text) => text.replaceAll('\n', '\r\n')),
  );
  test(
    'with a byte order mark',
    handMade((text) => `\uFEFF${text}`),
  );
  test(
    'with both',
    handMade((text) => `\uFEFF${text.replaceAll('\n', '\r\n')}`),
  );

  test('whose last line does not end: nobody knows what is missing, and that is said', async () => {
    const files = await readBundle('chapter-17-text');
    const path = 'nodes/node-2/ip-route-4.txt';
    const judged = judgeFiles(withFile(files, path, textOf(files, path).trimEnd()));
    expectNothingInvented(judged, 'chapter-17-text', path);
    const [note] = judged.answer.notes;
    expect(note?.text).toMatch(/^nodes\/node-2\/ip-route-4\.txt is cut off at byte \d+/);
  });
});

describe('the text twins', () => {
  test('give the answer that the JSON gives, places in files aside', async () => {
    const text = judgeFiles(await readBundle('chapter-17-text'));
    const json = judgeFiles(await readBundle('chapter-17'));
    const words = ({ diagnosis, repairs }: Judged): unknown => ({
      verdict: diagnosis.verdict,
      summary: diagnosis.summary,
      flows: diagnosis.judged.map(({ intent, trace }) => [intent.label, trace.verdict]),
      causes: diagnosis.causes.map(({ title, explanation, subjects, breaks }) => [
        title,
        explanation,
        subjects,
        breaks,
      ]),
      elements: diagnosis.causes.flatMap((cause) => cause.elements.map((element) => element.text)),
      symptoms: diagnosis.symptoms.map((symptom) => symptom.text),
      cleared: diagnosis.cleared.map(({ suspect, subject, reason }) => [suspect, subject, reason]),
      repairs: repairs.map(({ title, commands, simulated }) => [title, commands, simulated]),
    });
    expect(words(text)).toEqual(words(json));
  });
});
