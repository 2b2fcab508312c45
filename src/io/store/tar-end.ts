// Tells a whole tar archive from one that was cut at a block's edge, which tar-stream takes for whole.
// In: every chunk and every header. Out: whether the archive's end mark was seen, and how many bytes went by.
import type { Header } from 'tar-stream';

const blockBytes = 512;

export interface EndWatch {
  readonly see: (chunk: Uint8Array) => void;
  readonly expectEntry: (header: Header) => void;
  readonly isComplete: () => boolean;
  readonly positionBytes: () => number;
  /** Where the last entry's content ends and the next header should stand. */
  readonly contentEndBytes: () => number;
}

/** The last block must be zero (the mark is two zero blocks; GNU tar accepts one) and lie behind the last entry's content. */
export function watchEnd(): EndWatch {
  let position = 0;
  let contentEnd = 0;
  let tail: Uint8Array = new Uint8Array(0);
  const see = (chunk: Uint8Array): void => {
    position += chunk.length;
    const kept = chunk.length >= blockBytes ? chunk : Buffer.concat([tail, chunk]);
    tail = kept.slice(Math.max(0, kept.length - blockBytes));
  };
  const expectEntry = (header: Header): void => {
    // Where the content begins; tar-stream 3.2.2 sets it and its types leave it out.
    const start = 'byteOffset' in header && typeof header.byteOffset === 'number' ? header.byteOffset : 0;
    contentEnd = start + Math.ceil(header.size / blockBytes) * blockBytes;
  };
  const isComplete = (): boolean =>
    position % blockBytes === 0 &&
    position >= contentEnd + blockBytes &&
    tail.length === blockBytes &&
    tail.every((byte) => byte === 0);
  return { see, expectEntry, isComplete, positionBytes: () => position, contentEndBytes: () => contentEnd };
}
