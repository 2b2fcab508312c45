import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { pack } from 'tar-stream';
import { readMachineBundle } from './bundle-stream.ts';

async function tarOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, text] of Object.entries(files)) tar.entry({ name }, text);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function* cutAt(bytes: Buffer, places: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (const place of [...places].sort((a, b) => a - b)) {
    if (place > start && place < bytes.length) {
      yield bytes.subarray(start, place);
      await Promise.resolve();
      start = place;
    }
  }
  yield bytes.subarray(start);
}

const files = {
  'waylaid.json': '{}',
  'nodes/n1/ip-rule-4.json': '[]',
  'nodes/n1/pods/a_b/hosts': 'x'.repeat(700),
};

describe('readMachineBundle', () => {
  it('gives the same whatever the chunks are and whatever the shell printed first', async () => {
    const tar = await tarOf(files);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(tar.length + 60), { maxLength: 8 }),
        fc.string({ maxLength: 40 }),
        async (places, noise) => {
          const bytes = Buffer.concat([Buffer.from(`${noise}the-marker\n`), tar]);
          const bundle = await readMachineBundle(cutAt(bytes, places), 'the-marker', 'node');
          expect(bundle.noise).toBe(noise);
          expect(bundle.damage).toBeUndefined();
          expect(bundle.name).toBe('n1');
          expect([...bundle.files.keys()]).toEqual(['nodes/n1/ip-rule-4.json', 'nodes/n1/pods/a_b/hosts']);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('takes no file of another machine, of the cluster, or out of the bundle', async () => {
    const tar = await tarOf({
      'waylaid.json': '{}',
      'nodes/n1/hosts': 'own',
      'nodes/n2/hosts': 'another',
      'cluster/resources/pods.json': '{}',
      'nodes/n1/../n3/hosts': 'sideways',
      'nodes/n1//hosts': 'odd',
      'hosts/n1/hosts': 'another kind',
    });
    const bundle = await readMachineBundle(cutAt(Buffer.concat([Buffer.from('m\n'), tar]), []), 'm', 'node');
    expect([...bundle.files.keys()]).toEqual(['nodes/n1/hosts']);
  });

  it('keeps what came whole of a stream that breaks off', async () => {
    const tar = await tarOf(files);
    const bytes = Buffer.concat([Buffer.from('m\n'), tar.subarray(0, tar.length - 1600)]);
    const bundle = await readMachineBundle(cutAt(bytes, []), 'm', 'node');
    expect(bundle.damage).toBeDefined();
    expect([...bundle.files.keys()]).toEqual(['nodes/n1/ip-rule-4.json']);
  });

  it('keeps a bounded part of a flood without a marker', async () => {
    let sentBytes = 0;
    async function* flood(): AsyncGenerator<Uint8Array> {
      for (;;) {
        sentBytes += 65_536;
        yield Buffer.alloc(65_536, 'x');
        await Promise.resolve();
      }
    }
    const bundle = await readMachineBundle(flood(), 'm', 'node');
    expect(bundle.isFound).toBe(false);
    expect(sentBytes).toBeLessThan(1024 ** 2);
  });
});
