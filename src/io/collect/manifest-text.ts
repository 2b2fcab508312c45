// The manifest as the collectors write it and as one machine's part of it is read back.
// In and out: items (src/core/snapshot/manifest.ts). Keys that this version does not know are kept.
import type { ManifestItem } from '../../core/snapshot/manifest.ts';

export interface ManifestHead {
  readonly collectedAt: string;
  readonly collectedBy: string;
  readonly isRedacted: boolean;
  readonly clusterName?: string;
}

/** One item a line, in the order of their paths, so that two manifests can be compared by `diff`. */
export function formatManifest(head: ManifestHead, items: readonly ManifestItem[]): string {
  const fields = {
    format: 'waylaid-evidence/1',
    collectedAt: head.collectedAt,
    collectedBy: head.collectedBy,
    ...(head.clusterName === undefined ? {} : { cluster: { name: head.clusterName } }),
    redacted: head.isRedacted,
  };
  const lines = Object.entries(fields).map(
    ([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)},`,
  );
  const rows = items.toSorted(byPath).map((item) => JSON.stringify(item));
  const body = rows.length === 0 ? '' : `${rows.join(',\n')}\n`;
  return `{\n${lines.join('\n')}\n"items": [\n${body}]\n}\n`;
}

/** The items of a machine's manifest, or undefined where it is no manifest. What is not an item is left out. */
export function parseItems(text: string): ManifestItem[] | undefined {
  const manifest = parseJson(text);
  if (!isRecord(manifest) || !Array.isArray(manifest['items'])) return undefined;
  const listed: unknown[] = manifest['items'];
  return listed.filter(isItem);
}

function isItem(value: unknown): value is ManifestItem {
  return isRecord(value) && typeof value['path'] === 'string';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function byPath(left: ManifestItem, right: ManifestItem): number {
  if (left.path === right.path) return 0;
  return left.path < right.path ? -1 : 1;
}
