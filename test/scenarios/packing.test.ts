// The same evidence gives the same bytes, in whatever order its files and objects come and however they are packed.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadSnapshot } from '../../src/cli/load-snapshot.ts';
import { makeRandom } from './seeded-random.ts';
import {
  causesOf,
  judgeFacts,
  judgeFiles,
  locateBundle,
  readBundle,
  textOf,
  withFile,
} from './recorded-bundle.ts';
import type { Files } from './recorded-bundle.ts';

const bundles = ['chapter-17', 'healthy', 'table52-all-nodes', 'flannel-fdb-wrong'];

const bytesOf = (files: Files): string => JSON.stringify(judgeFiles(files).answer);

describe('the order of what is in a bundle', () => {
  test.each(bundles)('of files does not show in the answer to %s', async (bundle) => {
    const files = await readBundle(bundle);
    const expected = bytesOf(files);
    const random = makeRandom(20);
    for (let round = 0; round < 3; round++) {
      expect(bytesOf(new Map(random.shuffle([...files])))).toBe(expected);
    }
  });

  test('of objects and keys does not change what is found', async () => {
    const files = await readBundle('chapter-17');
    const random = makeRandom(21);
    let turned = files;
    for (const path of [...files.keys()].filter((name) => /^cluster\/resources\/.*\.json$/.test(name))) {
      const list = JSON.parse(textOf(files, path)) as { readonly items: readonly unknown[] };
      const items = random.shuffle(list.items.map((item) => random.shuffleKeys(item)));
      turned = withFile(turned, path, JSON.stringify(random.shuffleKeys({ ...list, items })));
    }
    // Places in the files differ, and so may the pod that stands for its class; what is wrong does not.
    const [answer, expected] = [judgeFiles(turned).answer, judgeFiles(files).answer];
    expect(causesOf(answer)).toEqual(causesOf(expected));
    expect(answer.flows.failed).toBe(expected.flows.failed);
    expect(answer.summary).toBe(expected.summary);
    expect(answer.symptoms.map((symptom) => symptom.text).sort()).toEqual(
      expected.symptoms.map((symptom) => symptom.text).sort(),
    );
  });
});

describe('the packing', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'waylaid-packing-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const answerTo = async (bundle: string): Promise<string> =>
    JSON.stringify(judgeFacts(await loadSnapshot({ bundle })).answer);

  test('folder, tar, tar.gz and tar.zst are one', async () => {
    const packed = locateBundle('chapter-17');
    const expected = await answerTo(packed);
    const open = join(folder, 'open');
    for (const [path, bytes] of await readBundle('chapter-17')) {
      mkdirSync(dirname(join(open, path)), { recursive: true });
      writeFileSync(join(open, path), bytes);
    }
    expect(await answerTo(open)).toBe(expected);
    const tar = gunzipSync(readFileSync(packed));
    writeFileSync(join(folder, 'plain.tar'), tar);
    expect(await answerTo(join(folder, 'plain.tar'))).toBe(expected);
    writeFileSync(join(folder, 'again.tgz'), gzipSync(tar, { level: 1 }));
    expect(await answerTo(join(folder, 'again.tgz'))).toBe(expected);
    writeFileSync(join(folder, 'packed.tar.zst'), frameAsZstd(tar));
    expect(await answerTo(join(folder, 'packed.tar.zst'))).toBe(expected);
  });
});

/** A zstd frame of raw blocks (RFC 8878): a window of 16 MiB, no checksum, at most 128 KiB a block. */
function frameAsZstd(bytes: Uint8Array): Uint8Array {
  const blockBytes = 128 * 1024;
  const parts: Uint8Array[] = [Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x70)];
  for (let start = 0; start < bytes.length; start += blockBytes) {
    const block = bytes.subarray(start, start + blockBytes);
    const isLast = start + blockBytes >= bytes.length;
    const head = (block.length << 3) | (isLast ? 1 : 0);
    parts.push(Uint8Array.of(head & 255, (head >> 8) & 255, head >> 16), block);
  }
  return Buffer.concat(parts);
}
