// The short way of reading an archive against the long one: whatever it reads, tar-stream reads the same, and says nothing
// about; and it does read what tar programs write for a bundle.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSmallArchive } from './read-small-archive.ts';
import { streamArchive } from './stream-archive.ts';
import type { TarEnd, TarVisitor } from './tar-stream-reader.ts';
import type { Packing } from './unpack.ts';

let home = '';
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'waylaid-small-archive-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

interface Visited {
  readonly entries: readonly (readonly [name: string, type: string, content: string])[];
  readonly end: TarEnd;
}

function record(): { visitor: TarVisitor; entries: [string, string, string][] } {
  const entries: [string, string, string][] = [];
  const begin: TarVisitor['begin'] = (entry) => {
    entries.push([entry.name, entry.type, '']);
    return entry.type === 'file';
  };
  const end: TarVisitor['end'] = (entry, content) => {
    entries[entries.length - 1] = [entry.name, entry.type, Buffer.from(content).toString('latin1')];
  };
  return { visitor: { begin, end }, entries };
}

function readShort(path: string, packing: Packing): Visited | undefined {
  const { visitor, entries } = record();
  const end = readSmallArchive(path, packing)?.(visitor);
  return end && { entries, end };
}

async function readLong(path: string, packing: Packing): Promise<Visited> {
  const { visitor, entries } = record();
  const end = await streamArchive(path, packing, visitor);
  if ('isFatal' in end) throw new Error(end.text);
  return { entries, end };
}

async function packTar(files: readonly (readonly [string, Uint8Array])[]): Promise<Buffer> {
  const packer = pack();
  for (const [name, content] of files) packer.entry({ name }, Buffer.from(content));
  packer.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of packer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function write(name: string, bytes: Uint8Array): string {
  const path = join(home, name);
  writeFileSync(path, bytes);
  return path;
}

const names = [
  'waylaid.json',
  'nodes/n1/ip-link.json',
  `nodes/${'n'.repeat(90)}/pods/${'p'.repeat(60)}/ss.txt`,
];

const anyFiles = fc.array(
  fc.tuple(fc.constantFrom(...names, 'nodes/ü/hosts', 'x'.repeat(120)), fc.uint8Array({ maxLength: 1500 })),
  { maxLength: 6 },
);

test('what it reads of any archive, damaged in one byte or not, tar-stream reads the same', async () => {
  let reads = 0;
  await fc.assert(
    fc.asyncProperty(anyFiles, fc.nat(), fc.nat(255), async (files, at, change) => {
      const tar = await packTar(files);
      // Mostly in headers: the content of a file is anything anyway.
      const place = at % 3 === 0 ? at % tar.length : (at % (tar.length / 512)) * 512 + ((at >> 4) % 512);
      tar[place] = (tar[place] ?? 0) ^ change;
      const path = write('damaged.tar', tar);
      const short = readShort(path, 'none');
      if (short === undefined) return;
      reads++;
      expect(short).toEqual(await readLong(path, 'none'));
    }),
    { numRuns: 400 },
  );
  // Few archives are left readable; that some were is what keeps the comparison from being empty.
  expect(reads).toBeGreaterThan(5);
});

test.each(['ustar', 'gnu'])('it reads what tar writes as %s, packed with gzip or not', async (format) => {
  const folder = join(home, format);
  for (const [index, name] of names.slice(0, 2).entries()) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), `content ${index}\n`.repeat(index * 300));
  }
  const plain = join(home, `${format}.tar`);
  execFileSync('tar', ['cf', plain, `--format=${format}`, '-C', folder, '.']);
  const packed = write(`${format}.tar.gz`, gzipSync(readFileSync(plain)));
  for (const [path, packing] of [
    [plain, 'none'],
    [packed, 'gzip'],
  ] as const) {
    const short = readShort(path, packing);
    expect(short?.entries.filter(([, type]) => type === 'file')).toHaveLength(2);
    expect(short).toEqual(await readLong(path, packing));
  }
});

test('it reads the prefix of a long POSIX name', async () => {
  const path = write('long.tar', await packTar(names.map((name) => [name, Buffer.from(name)])));
  expect(readShort(path, 'none')?.entries.map(([name]) => name)).toEqual(names);
});

test('it leaves to the other what is not ordinary', async () => {
  const whole = await packTar(names.map((name) => [name, Buffer.from(name)]));
  const folder = join(home, 'linked');
  mkdirSync(folder);
  symlinkSync('/etc/passwd', join(folder, 'link'));
  const linked = join(home, 'linked.tar');
  execFileSync('tar', ['cf', linked, '-C', folder, '.']);
  const gzipped = gzipSync(whole);
  // A length that is a lie: of four gigabytes.
  const lying = Buffer.concat([gzipped.subarray(0, gzipped.length - 4), Buffer.alloc(4, 0xff)]);
  for (const [path, packing] of [
    [linked, 'none'],
    [write('extended.tar', await packTar([['ü', Buffer.from('x')]])), 'none'],
    [write('cut.tar', whole.subarray(0, whole.length - 1024)), 'none'],
    [write('short.tar', whole.subarray(0, 700)), 'none'],
    [write('cut.tar.gz', gzipped.subarray(0, gzipped.length - 9)), 'gzip'],
    [write('lying.tar.gz', lying), 'gzip'],
    [write('zeros.tar.gz', gzipSync(Buffer.alloc(65 * 1024 ** 2))), 'gzip'],
    [join(home, 'missing.tar'), 'none'],
    [write('any.zst', whole), 'zstd'],
  ] as const) {
    expect(readShort(path, packing), path).toBeUndefined();
  }
});
