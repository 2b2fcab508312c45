// Bundles as folders and archives, whole and broken. Archives are made with tar-stream's packer and, for the programs people
// really use, with the system's tar, gzip and zstd.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BundleFile } from '../../core/snapshot/bundle-file.ts';
import { describeReadError } from './bundle-problem.ts';
import type { BundleProblem } from './bundle-problem.ts';
import { readBundleFiles } from './read-bundle.ts';

let home = '';
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'waylaid-read-bundle-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

let counter = 0;
function place(name: string): string {
  counter++;
  const folder = join(home, String(counter));
  mkdirSync(folder);
  return join(folder, name);
}

type Files = Readonly<Record<string, string | Uint8Array>>;

interface Read {
  readonly files: Record<string, string>;
  readonly order: string[];
  readonly truncated: string[];
  readonly problems: BundleProblem[];
}

async function read(path: string): Promise<Read> {
  const files: Record<string, string> = {};
  const truncated: string[] = [];
  const order: string[] = [];
  const problems = await readBundleFiles(path, (file: BundleFile) => {
    files[file.path] = Buffer.from(file.bytes).toString('latin1');
    order.push(file.path);
    if (file.isTruncated === true) truncated.push(file.path);
  });
  return { files, order, truncated, problems };
}

function latin1(files: Files): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).map(([path, content]) => [path, Buffer.from(content).toString('latin1')]),
  );
}

function writeFolder(files: Files, folder = place('bundle')): string {
  mkdirSync(folder, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

async function packTar(files: Files | readonly (readonly [string, string | Uint8Array])[]): Promise<Buffer> {
  const packer = pack();
  const entries = Array.isArray(files)
    ? (files as readonly (readonly [string, string | Uint8Array])[])
    : Object.entries(files as Files);
  for (const [name, content] of entries) packer.entry({ name }, Buffer.from(content));
  packer.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of packer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function writeArchive(bytes: Uint8Array, name = 'bundle.tar'): string {
  const path = place(name);
  writeFileSync(path, bytes);
  return path;
}

const small: Files = {
  'waylaid.json': '{"format":"waylaid-evidence/1"}',
  'nodes/n1/ip-rule-4.json': '[{"priority":0}]',
  'nodes/n1/ss.txt': '',
  'cluster/logs/kube-system/coredns-1/coredns.log': 'ä'.repeat(700),
};

describe('the same files', () => {
  test('from a folder, in path order', async () => {
    const got = await read(writeFolder(small));
    expect(got.files).toEqual(latin1(small));
    expect(got.order).toEqual(Object.keys(small).sort());
    expect(got.problems).toEqual([]);
  });

  test.each([
    ['plain', [] as string[]],
    ['gzip', ['-z']],
    ['zstd', ['--zstd']],
    ['old format without a magic', ['--format=v7']],
    ['pax', ['--format=pax']],
    ['gnu', ['--format=gnu']],
  ])('from what the system’s tar makes: %s', async (_name, options) => {
    const folder = writeFolder(
      { ...small, [`nodes/${'n'.repeat(60)}/x.json`]: '1' },
      join(place('a'), 'homelab'),
    );
    for (const [top, from] of [
      ['.', folder],
      ['homelab', dirname(folder)],
    ] as const) {
      const path = place('evidence.bin');
      execFileSync('tar', [...options, '-C', from, '-cf', path, top]);
      const got = await read(path);
      expect(got.problems).toEqual([]);
      expect(got.files).toEqual(latin1({ ...small, [`nodes/${'n'.repeat(60)}/x.json`]: '1' }));
    }
  });

  test('from gzip of several members, as pigz and cat make', async () => {
    const tar = await packTar(small);
    const path = writeArchive(Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))]));
    expect((await read(path)).files).toEqual(latin1(small));
  });

  test('with the text decoded from the given bytes', async () => {
    const texts: string[] = [];
    await readBundleFiles(writeFolder({ 'waylaid.json': 'aä\xffz' }), (file) => {
      texts.push(file.text(), file.text(1, 3));
    });
    expect(texts).toEqual(['aäÿz', 'ä']);
  });

  const segment = fc.stringMatching(/^[a-zA-Z0-9_.äü 漢-]{1,12}$/).filter((name) => !/^\.*$/.test(name));
  const filePath = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
  const fileSet = fc
    .dictionary(filePath, fc.uint8Array({ maxLength: 3000 }), { maxKeys: 12 })
    .map((files) => ({ ...files, 'waylaid.json': new Uint8Array([123, 125]) }))
    .filter(isPossibleOnDisk);

  test('whichever way any set of files is written', async () => {
    await fc.assert(
      fc.asyncProperty(fileSet, fc.constantFrom('', './', 'homelab/'), async (files, prefix) => {
        const expected = latin1(files);
        const tar = await packTar(
          Object.entries(files).map(([path, content]) => [prefix + path, content] as const),
        );
        for (const path of [writeFolder(files), writeArchive(tar), writeArchive(gzipSync(tar))]) {
          const got = await read(path);
          expect(got.problems).toEqual([]);
          expect(got.files).toEqual(expected);
        }
      }),
      { numRuns: 60 },
    );
  });
});

/** No path may be another one's folder, and a file system folds nothing together. */
function isPossibleOnDisk(files: Files): boolean {
  const paths = Object.keys(files);
  return paths.every((path) => !paths.some((other) => other.startsWith(`${path}/`)));
}

describe('the root', () => {
  test('one folder down in a folder', async () => {
    const folder = place('outer');
    writeFolder(small, join(folder, 'homelab'));
    expect((await read(folder)).files).toEqual(latin1(small));
  });

  test('is found where the manifest is the last entry', async () => {
    const tar = await packTar([
      ['homelab/nodes/n1/ss.txt', 'x'],
      ['homelab/waylaid.json', '{}'],
    ]);
    expect(Object.keys((await read(writeArchive(tar))).files)).toEqual(['nodes/n1/ss.txt', 'waylaid.json']);
  });

  test('is the top where both have a manifest', async () => {
    const tar = await packTar([
      ['nodes/waylaid.json', '1'],
      ['waylaid.json', '{}'],
    ]);
    expect(Object.keys((await read(writeArchive(tar))).files)).toEqual([
      'nodes/waylaid.json',
      'waylaid.json',
    ]);
  });

  test('leaves out what lies beside it', async () => {
    const tar = await packTar([
      ['homelab/waylaid.json', '{}'],
      ['__MACOSX/homelab/._waylaid.json', 'x'],
    ]);
    const got = await read(writeArchive(tar));
    expect(got.order).toEqual(['waylaid.json']);
    expect(got.problems.map((problem) => problem.code)).toEqual(['ignored-entry']);
  });

  test('is refused where two folders claim it', async () => {
    const tar = await packTar([
      ['b/waylaid.json', '{}'],
      ['a/waylaid.json', '{}'],
    ]);
    const folder = writeFolder({ 'b/waylaid.json': '{}', 'a/waylaid.json': '{}' });
    for (const path of [writeArchive(tar), folder]) {
      const got = await read(path);
      expect(got.order).toEqual([]);
      expect(got.problems[0]?.isFatal).toBe(true);
      expect(got.problems[0]?.text).toContain('2 bundles (a, b)');
    }
  });

  test('without a manifest is what the layout shows, and nothing else of a folder is read', async () => {
    const files = { 'nodes/n1/ss.txt': 'x', 'diary.txt': 'private' };
    expect((await read(writeFolder(files))).order).toEqual(['nodes/n1/ss.txt']);
    const tar = await packTar([['homelab/nodes/n1/ss.txt', 'x']]);
    expect((await read(writeArchive(tar))).order).toEqual(['nodes/n1/ss.txt']);
  });

  test.each([
    ['a folder of other things', () => Promise.resolve(writeFolder({ 'diary.txt': 'x' }))],
    ['an archive of other things', async () => writeArchive(await packTar({ 'a/diary.txt': 'x' }))],
    ['an archive of nothing', async () => writeArchive(gzipSync(await packTar({})))],
  ])('is missed in %s', async (_name, make) => {
    const got = await read(await make());
    expect(got.order).toEqual([]);
    expect(got.problems).toMatchObject([{ code: 'unknown-format', isFatal: true }]);
  });
});

describe('damage', () => {
  test('at any byte of a small tar.gz costs only what follows it', async () => {
    const tar = await packTar(small);
    const packed = gzipSync(tar);
    const expected = latin1(small);
    let mostFiles = 0;
    const path = writeArchive(packed);
    for (let length = packed.length - 1; length >= 0; length--) {
      truncateSync(path, length);
      const got = await read(path);
      expect(got.problems.length, `cut at ${length}`).toBeGreaterThan(0);
      mostFiles = Math.max(mostFiles, got.order.length);
      for (const [name, content] of Object.entries(got.files)) {
        if (got.truncated.includes(name)) expect(expected[name]?.startsWith(content)).toBe(true);
        else expect(content).toBe(expected[name]);
      }
    }
    expect(mostFiles).toBe(Object.keys(small).length);
  });

  test('at any byte of a small tar delivers every byte before it', async () => {
    const tar = await packTar(small);
    const path = writeArchive(tar);
    for (let length = tar.length - 1024; length >= 512; length -= 7) {
      truncateSync(path, length);
      const got = await read(path);
      const delivered = Object.values(got.files).reduce((sum, content) => sum + content.length, 0);
      expect(delivered, `cut at ${length}`).toBe(contentBytesBefore(small, length));
      expect(got.problems).toMatchObject([{ code: 'truncated-archive' }]);
    }
  });

  test('is told with the last whole file, the cut file and the byte', async () => {
    const tar = await packTar({ 'waylaid.json': '{}', 'nodes/n1/ip-rule-4.json': 'x'.repeat(3000) });
    const got = await read(writeArchive(gzipSync(tar.subarray(0, 2048))));
    expect(got.truncated).toEqual(['nodes/n1/ip-rule-4.json']);
    expect(got.problems).toHaveLength(1);
    expect(got.problems[0]).toMatchObject({ code: 'truncated-archive', path: 'nodes/n1/ip-rule-4.json' });
    expect(got.problems[0]?.text).toMatch(
      /after waylaid\.json, at byte 2048 .* cut off at its byte 512 of 3000/,
    );
  });

  test('at the edge of an entry is noticed by the missing end mark', async () => {
    const tar = await packTar({ 'waylaid.json': '{}', 'nodes/n1/ss.txt': 'x' });
    const got = await read(writeArchive(tar.subarray(0, 1024)));
    expect(got.order).toEqual(['waylaid.json']);
    expect(got.truncated).toEqual([]);
    expect(got.problems[0]?.text).toContain('mark at the end of the archive is missing');
  });

  test('in the middle of gzip data keeps what came before', async () => {
    const noise = (seed: number): Buffer =>
      Buffer.from(Array.from({ length: 60_000 }, (_, index) => (index * index * seed) % 251));
    const packed = gzipSync(
      await packTar([
        ['waylaid.json', '{}'],
        ['nodes/n1/a', noise(3)],
        ['nodes/n1/b', noise(7)],
        ['nodes/n1/c', noise(11)],
      ]),
      { level: 0 },
    );
    // Stored blocks carry their length twice; breaking it is certain to be noticed.
    const at = packed.indexOf(Buffer.from([0, 0xff, 0xff]), 70_000);
    const broken = Buffer.from(packed);
    broken.fill(0xaa, at > 0 ? at : 70_000, (at > 0 ? at : 70_000) + 3000);
    const got = await read(writeArchive(broken));
    expect(got.files['waylaid.json']).toBe('{}');
    expect(got.problems.length).toBeGreaterThan(0);
    expect(got.problems[0]?.isFatal).not.toBe(true);
  });

  test('of any byte of a tar.gz or tar.zst never throws', async () => {
    const tar = await packTar(small);
    const zstPath = place('x.tar.zst');
    execFileSync('zstd', ['-q', '-o', zstPath], { input: tar });
    const zst = execFileSync('cat', [zstPath]);
    const path = place('broken');
    for (const packed of [gzipSync(tar), zst, tar.subarray(0, 3000)]) {
      for (let index = 0; index < packed.length; index += 3) {
        const broken = Buffer.from(packed);
        broken[index] = (broken[index] ?? 0) ^ 0x55;
        writeFileSync(path, broken);
        await read(path);
      }
    }
  });

  test('of zstd data is told like that of gzip', async () => {
    const zstPath = place('x.tar.zst');
    const content = Array.from({ length: 60_000 }, (_, index) => String((index * 7919) % 100_003)).join(' ');
    execFileSync('zstd', ['-q', '-o', zstPath], {
      input: await packTar({ 'waylaid.json': '{}', 'nodes/a': content }),
    });
    truncateSync(zstPath, Math.floor(statSync(zstPath).size * 0.8));
    const got = await read(zstPath);
    expect(got.files['waylaid.json']).toBe('{}');
    expect(got.problems[0]?.text).toContain('zstd data stops early');
  });

  test('of garbage after the first entries is told with its byte', async () => {
    const tar = await packTar({ 'waylaid.json': '{}' });
    const got = await read(
      writeArchive(Buffer.concat([tar.subarray(0, 1024), Buffer.alloc(2048, 'garbage')])),
    );
    expect(got.order).toEqual(['waylaid.json']);
    expect(got.problems[0]?.text).toContain(
      'after waylaid.json, at byte 1024: what stands there is not a tar header',
    );
  });
});

function contentBytesBefore(files: Files, cut: number): number {
  let position = 0;
  let total = 0;
  for (const content of Object.values(files)) {
    const size = Buffer.from(content).length;
    position += 512;
    total += Math.max(0, Math.min(size, cut - position));
    position += Math.ceil(size / 512) * 512;
  }
  return total;
}

describe('no bundle at all', () => {
  test.each([
    ['nothing there', () => join(home, 'no', 'such'), 'no such file or folder', 'unreadable-file'],
    ['an empty file', () => writeArchive(Buffer.alloc(0)), 'is empty', 'unknown-format'],
    ['a text', () => writeArchive(Buffer.from('hello')), 'neither a folder nor a tar', 'unknown-format'],
    ['a zip', () => writeArchive(Buffer.from('PK\x03\x04abc')), 'zip archive; unpack it', 'unknown-format'],
    ['a packed text', () => writeArchive(gzipSync('x'.repeat(9000))), 'not a tar header', 'unknown-format'],
    ['a device', () => '/dev/null', 'a device', 'unknown-format'],
  ])('%s', async (_name, make, sentence, code) => {
    const got = await read(make());
    expect(got.order).toEqual([]);
    expect(got.problems).toMatchObject([{ code, isFatal: true }]);
    expect(got.problems[0]?.text).toContain(sentence);
  });

  test('a bug in the caller is not taken for bad input', async () => {
    const bug = (): void => {
      throw new Error('a bug');
    };
    const folder = writeFolder(small);
    const archive = writeArchive(gzipSync(await packTar(small)));
    await expect(readBundleFiles(folder, bug)).rejects.toThrow('a bug');
    await expect(readBundleFiles(archive, bug)).rejects.toThrow('a bug');
  });
});

describe('entries that are no evidence', () => {
  test.each(['../x', 'nodes/../../x', '/etc/passwd', 'a\nb'])(
    'the name %j is ignored and told',
    async (name) => {
      const got = await read(
        writeArchive(
          await packTar([
            ['waylaid.json', '{}'],
            [name, 'x'],
          ]),
        ),
      );
      expect(got.order).toEqual(['waylaid.json']);
      expect(got.problems.map((problem) => problem.code)).toEqual(['ignored-entry']);
    },
  );

  test('links and pipes in archives are ignored and told', async () => {
    const packer = pack();
    packer.entry({ name: 'waylaid.json' }, '{}');
    packer.entry({ name: 'nodes/a', type: 'symlink', linkname: '/etc/passwd' });
    packer.entry({ name: 'nodes/b', type: 'link', linkname: 'waylaid.json' });
    packer.entry({ name: 'nodes/c', type: 'character-device', devmajor: 1, devminor: 3 });
    packer.entry({ name: 'nodes/d', type: 'fifo' });
    packer.entry({ name: 'nodes/e', type: 'file' }, 'kept');
    packer.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of packer) chunks.push(chunk as Buffer);
    const got = await read(writeArchive(Buffer.concat(chunks)));
    expect(got.order).toEqual(['waylaid.json', 'nodes/e']);
    expect(got.problems.map((problem) => problem.path)).toEqual(['nodes/a', 'nodes/b', 'nodes/c', 'nodes/d']);
  });

  test('links and pipes in folders are ignored and told, the bundle’s own path may be a link', async () => {
    const folder = writeFolder({ 'waylaid.json': '{}' });
    symlinkSync('/etc/passwd', join(folder, 'a-link'));
    symlinkSync('/etc', join(folder, 'b-link'));
    execFileSync('mkfifo', [join(folder, 'c-pipe')]);
    const link = place('link');
    symlinkSync(folder, link);
    const got = await read(link);
    expect(got.order).toEqual(['waylaid.json']);
    expect(got.problems.map((problem) => problem.path)).toEqual(['a-link', 'b-link', 'c-pipe']);
  });

  test('the second of two entries of one name is left out', async () => {
    const got = await read(
      writeArchive(
        await packTar([
          ['waylaid.json', '{}'],
          ['./waylaid.json', 'other'],
        ]),
      ),
    );
    expect(got.files).toEqual({ 'waylaid.json': '{}' });
    expect(got.problems).toMatchObject([{ code: 'duplicate-name', path: 'waylaid.json' }]);
  });

  test('a file above the limit is left out, from its header alone', async () => {
    const tar = await packTar({ 'waylaid.json': '{}' });
    const header = (await packTar({ 'nodes/huge': 'x' })).subarray(0, 512);
    const huge = withSize(header, 2 * 1024 ** 3);
    const got = await read(writeArchive(Buffer.concat([tar.subarray(0, 1024), huge, Buffer.alloc(4096, 1)])));
    expect(got.order).toEqual(['waylaid.json']);
    expect(got.problems[0]).toMatchObject({ code: 'unreadable-file', path: 'nodes/huge' });
    expect(got.problems[0]?.text).toContain('2.0 GiB');
    const folder = writeFolder({ 'waylaid.json': '{}', 'nodes/huge': '' });
    truncateSync(join(folder, 'nodes/huge'), 2 * 1024 ** 3);
    expect((await read(folder)).problems).toMatchObject([{ code: 'unreadable-file', path: 'nodes/huge' }]);
  });

  test('a header that promises a gigabyte and brings ten bytes is a cut file', async () => {
    const header = withSize((await packTar({ 'nodes/n1/ss.txt': 'x' })).subarray(0, 512), 1024 ** 3);
    const got = await read(writeArchive(Buffer.concat([header, Buffer.from('0123456789')])));
    expect(got.files).toEqual({ 'nodes/n1/ss.txt': '0123456789' });
    expect(got.truncated).toEqual(['nodes/n1/ss.txt']);
  });

  test('what the system refuses is said in words', () => {
    const refused = Object.assign(new Error('EACCES: permission denied, open'), { code: 'EACCES' });
    expect(describeReadError(refused)).toBe('permission denied');
    expect(describeReadError(Object.assign(new Error('x'), { code: 'EIO' }))).toBe('the system answered EIO');
  });
});

/** A tar header with another size and the checksum to it. */
function withSize(header: Uint8Array, sizeBytes: number): Buffer {
  const changed = Buffer.from(header);
  changed.write(`${sizeBytes.toString(8).padStart(11, '0')} `, 124, 'latin1');
  changed.fill(32, 148, 156);
  const sum = changed.reduce((total, byte) => total + byte, 0);
  changed.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return changed;
}
