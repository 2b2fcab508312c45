import { mkdtemp, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readBundleFiles } from './read-bundle.ts';
import { writeBundle } from './write-bundle.ts';

const files = new Map(
  Object.entries({
    'nodes/n1/ip-rule-4.json': '[]',
    'nodes/n1/pods/a_b/hosts': '127.0.0.1 localhost\n',
    'waylaid.json': '{"format":"waylaid-evidence/1"}',
    'cluster/logs/a/b/long-name-that-needs-an-extended-header-because-it-is-far-longer-than-one-hundred-characters/é.log':
      'x',
    'nodes/n1/ipset.txt': '',
  }).map(([path, text]) => [path, new TextEncoder().encode(text)] as const),
);

let folder = '';
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'waylaid-write-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

async function readBack(path: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const problems = await readBundleFiles(path, (file) => found.set(file.path, file.text()));
  expect(problems).toEqual([]);
  return found;
}

describe('writeBundle', () => {
  it.each(['bundle', 'bundle/', 'bundle.tar', 'bundle.tar.gz', 'bundle.tgz'])('writes %s', async (name) => {
    await writeBundle(files, join(folder, name));
    const found = await readBack(join(folder, name));
    expect([...found].sort()).toEqual(
      [...files].map(([path, bytes]) => [path, new TextDecoder().decode(bytes)]).sort(),
    );
    expect(await readdir(folder)).toEqual([name.replace('/', '')]);
    expect((await stat(join(folder, name))).mode & 0o077).toBe(0);
  });

  it.each(['.tar', '.tar.gz'])(
    'gives the same bytes for the same files in any order (%s)',
    async (ending) => {
      await writeBundle(files, join(folder, `a${ending}`));
      await writeBundle(new Map([...files].reverse()), join(folder, `b${ending}`));
      expect(await readFile(join(folder, `a${ending}`))).toEqual(await readFile(join(folder, `b${ending}`)));
    },
  );

  it('puts the manifest first', async () => {
    await writeBundle(files, join(folder, 'a.tar'));
    expect((await readFile(join(folder, 'a.tar'))).subarray(0, 12).toString()).toBe('waylaid.json');
  });

  it.each(['b', 'b.tar'])('replaces %s only when told to', async (name) => {
    const target = join(folder, name);
    await writeBundle(new Map([['waylaid.json', new Uint8Array([1])]]), target);
    await expect(writeBundle(files, target)).rejects.toThrow(/exists already.*--force/);
    await writeBundle(files, target, { mayReplace: true });
    expect((await readBack(target)).size).toBe(files.size);
    expect(await readdir(folder)).toEqual([name]);
  });

  it('never replaces a folder that holds something else', async () => {
    await mkdir(join(folder, 'home'));
    await writeFile(join(folder, 'home', 'thesis.doc'), 'years of work');
    await expect(writeBundle(files, join(folder, 'home'), { mayReplace: true })).rejects.toThrow(
      /other than a bundle/,
    );
    await expect(writeBundle(files, join(folder, 'home'))).rejects.toThrow(/exists already/);
    expect(await readdir(join(folder, 'home'))).toEqual(['thesis.doc']);
  });

  it('says where there is no folder to write to', async () => {
    await expect(writeBundle(files, join(folder, 'no', 'b.tar'))).rejects.toThrow(
      `b.tar could not be written: there is no folder ${join(folder, 'no')}.`,
    );
    await writeFile(join(folder, 'file'), '');
    await expect(writeBundle(files, join(folder, 'file', 'b'))).rejects.toThrow(
      /part of its path is not a folder/,
    );
  });

  it.each(['b', 'b.tar.gz'])('leaves nothing when given up half-way (%s)', async (name) => {
    const signal = AbortSignal.abort();
    await expect(writeBundle(files, join(folder, name), { signal })).rejects.toThrow(/aborted/i);
    expect(await readdir(folder)).toEqual([]);
  });

  it('refuses a path that leads out of the bundle', async () => {
    const bad = new Map([['nodes/../../x', new Uint8Array()]]);
    await expect(writeBundle(bad, join(folder, 'b'))).rejects.toThrow(RangeError);
    expect(await readdir(folder)).toEqual([]);
  });
});
