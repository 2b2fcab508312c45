// Bundles recorded from labs (scripts/record-bundles.mjs) as files by path, and judged: what every scenario starts from.
import type { Judgement } from '../../src/core/pipeline.ts';
import { judgeSnapshot } from '../../src/core/pipeline.ts';
import { buildAnswer } from '../../src/core/report/build-answer.ts';
import type { Answer } from '../../src/core/report/answer.ts';
import { createSnapshotReader } from '../../src/core/snapshot/read-snapshot.ts';
import type { Snapshot } from '../../src/core/snapshot/snapshot.ts';
import { makeBundleFile } from '../../src/io/store/bundle-entry.ts';
import { readBundleFiles } from '../../src/io/store/read-bundle.ts';

export type Files = ReadonlyMap<string, Uint8Array>;

export interface Judged extends Judgement {
  readonly answer: Answer;
}

export function locateBundle(name: string): string {
  return new URL(`../bundles/${name}.tar.gz`, import.meta.url).pathname;
}

export async function readBundle(name: string): Promise<Files> {
  const files = new Map<string, Uint8Array>();
  const problems = await readBundleFiles(locateBundle(name), (file) =>
    files.set(file.path, file.bytes.slice()),
  );
  if (problems.length > 0) throw new Error(problems.map((problem) => problem.text).join(' '));
  return files;
}

/** `cutOff`: paths whose file the archive ended in. */
export function readFiles(files: Files, cutOff: readonly string[] = []): Snapshot {
  const reader = createSnapshotReader();
  for (const [path, bytes] of files) reader.take(makeBundleFile(path, bytes, cutOff.includes(path)));
  return reader.finish();
}

export function judgeFiles(files: Files): Judged {
  return judgeFacts(readFiles(files));
}

export function judgeFacts(snapshot: Snapshot): Judged {
  const judgement = judgeSnapshot(snapshot);
  return { ...judgement, answer: buildAnswer(judgement) };
}

export function textOf(files: Files, path: string): string {
  const bytes = files.get(path);
  if (bytes === undefined) throw new Error(`${path} is not in the bundle`);
  return new TextDecoder().decode(bytes);
}

export function withFile(files: Files, path: string, content: string | Uint8Array): Files {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return new Map(files).set(path, bytes);
}

export function withoutFiles(files: Files, isGone: (path: string) => boolean): Files {
  return new Map([...files].filter(([path]) => !isGone(path)));
}

/** Every file's text changed alike. */
export function rewriteFiles(files: Files, change: (text: string, path: string) => string): Files {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  return new Map(
    [...files].map(([path, bytes]): [string, Uint8Array] => [
      change(path, path),
      encoder.encode(change(decoder.decode(bytes), path)),
    ]),
  );
}

/** Each root cause as `code layer subject subject…`, in the answer's order. */
export function causesOf(answer: Answer): readonly string[] {
  return answer.rootCauses.map(({ code, layer, subjects }) => [code, layer, ...subjects].join(' '));
}
