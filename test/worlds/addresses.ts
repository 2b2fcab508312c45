// Addresses of a made-up cluster by number.
export interface Range4 {
  readonly base: number;
  readonly length: number;
}

export function parseRange4(text: string): Range4 {
  const [address = '', length = '32'] = text.split('/');
  const base = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  return { base, length: Number(length) };
}

export function address4(range: Range4, offset: number): string {
  const value = range.base + offset;
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** The part of a range that belongs to the node of that number. */
export function shareOf(range: Range4, length: number, index: number): Range4 {
  return { base: range.base + index * 2 ** (32 - length), length };
}

export function text4(range: Range4): string {
  return `${address4(range, 0)}/${range.length}`;
}

export function macOf(kind: number, index: number, more = 0): string {
  const bytes = [2, kind, index >> 8, index & 255, more >> 8, more & 255];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** A node's share of the pods' IPv6 prefix fd00:42::/48, without the length. */
export function share6(index: number): string {
  return `fd00:42:0:${(index + 1).toString(16)}::`;
}
