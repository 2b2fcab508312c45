// What a file is, told by its first bytes and never by its name: people rename what they download.
// In: the first 512 bytes. Out: how the tar inside is packed, or the sentence that says why it is no bundle.
import type { Packing } from './unpack.ts';

export type BundleKind =
  { readonly ok: true; readonly packing: Packing } | { readonly ok: false; readonly why: string };

export const headBytes = 512;

const otherFormats: readonly (readonly [readonly number[], string])[] = [
  [[0x50, 0x4b, 0x03, 0x04], 'is a zip archive; unpack it and give the folder'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'is packed with xz; unpack it (`xz -d`) and give the tar archive'],
  [[0x42, 0x5a, 0x68], 'is packed with bzip2; unpack it (`bzip2 -d`) and give the tar archive'],
  [[0x37, 0x7a, 0xbc, 0xaf], 'is a 7z archive; unpack it and give the folder'],
];

export function detectKind(head: Uint8Array): BundleKind {
  if (head.length === 0) return { ok: false, why: 'is empty' };
  if (startsWith(head, [0x1f, 0x8b])) return { ok: true, packing: 'gzip' };
  if (startsWith(head, [0x28, 0xb5, 0x2f, 0xfd]) || isSkippableZstdFrame(head)) {
    return { ok: true, packing: 'zstd' };
  }
  for (const [magic, why] of otherFormats) if (startsWith(head, magic)) return { ok: false, why };
  if (isTarHeader(head)) return { ok: true, packing: 'none' };
  return {
    ok: false,
    why: 'is neither a folder nor a tar archive (plain, gzip or zstd)',
  };
}

function startsWith(head: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => head[index] === byte);
}

function isSkippableZstdFrame(head: Uint8Array): boolean {
  return ((head[0] ?? 0) & 0xf0) === 0x50 && startsWith(head.subarray(1), [0x2a, 0x4d, 0x18]);
}

/** By magic, or for the formats older than it by the header's checksum; a cut-off header has the magic only. */
function isTarHeader(head: Uint8Array): boolean {
  if (startsWith(head.subarray(257), [0x75, 0x73, 0x74, 0x61, 0x72])) return true;
  if (head.length < headBytes) return false;
  let sum = 0;
  for (const [index, byte] of head.entries()) sum += index >= 148 && index < 156 ? 32 : byte;
  const stored = String.fromCharCode(...head.subarray(148, 156)).replace(/[\0 ]+$/, '');
  return /^ *[0-7]+$/.test(stored) && Number.parseInt(stored, 8) === sum;
}
