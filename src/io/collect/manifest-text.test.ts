import { describe, expect, it } from 'vitest';
import { formatManifest, parseItems } from './manifest-text.ts';

const head = { collectedAt: '2026-01-20T19:04:11Z', collectedBy: 'waylaid 0', isRedacted: true };

describe('formatManifest', () => {
  it('gives JSON with one item a line, by path', () => {
    const items = [
      { path: 'nodes/b/hosts', exit: 0 },
      { path: 'nodes/a/hosts', problem: 'absent' as const },
    ];
    const text = formatManifest({ ...head, clusterName: 'homelab' }, items);
    expect(JSON.parse(text)).toEqual({
      format: 'waylaid-evidence/1',
      collectedAt: head.collectedAt,
      collectedBy: head.collectedBy,
      cluster: { name: 'homelab' },
      redacted: true,
      items: [items[1], items[0]],
    });
    expect(text.split('\n').filter((line) => line.includes('"path"'))).toHaveLength(2);
  });

  it('is JSON without items too', () => {
    expect(JSON.parse(formatManifest(head, []))).toMatchObject({ items: [] });
  });
});

describe('parseItems', () => {
  it('keeps keys that it does not know, and leaves out what is no item', () => {
    const items = [{ path: 'a', colour: 'red' }];
    expect(parseItems(JSON.stringify({ items: [...items, 3, null, { argv: [] }] }))).toEqual(items);
  });

  it.each(['', '[]', '{"items":{}}', '{"items":', 'null'])('is undefined for %j', (text) => {
    expect(parseItems(text)).toBeUndefined();
  });
});
