// Names and numbers that real programs draw at random and the lab derives from a text, so that two labs of the same
// options look the same: MAC addresses, uids, veth names, the suffixes of pods. Also kube-proxy's chain names, which
// really are hashes.
import { createHash } from 'node:crypto';

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** The letters that Kubernetes draws suffixes from: no vowels, nothing that looks like another (apimachinery, util/rand). */
const suffixLetters = 'bcdfghjklmnpqrstvwxz2456789';

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** A locally administered unicast MAC. */
export function deriveMac(text: string): string {
  const bytes = [...digest(text).subarray(0, 6)];
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

export function deriveUid(text: string): string {
  const hex = digest(`uid ${text}`).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export function deriveVethName(text: string): string {
  return `veth${digest(`veth ${text}`).toString('hex').slice(0, 8)}`;
}

export function deriveSuffix(text: string, length: number): string {
  const bytes = digest(`suffix ${text}`);
  return Array.from({ length }, (_, at) => suffixLetters[(bytes[at] ?? 0) % suffixLetters.length]).join('');
}

/** `KUBE-SVC-…`, `KUBE-SEP-…`: 16 characters of base32(sha256(…)) (kubernetes, pkg/proxy/iptables/proxier.go). */
export function deriveChainName(prefix: string, hashed: string): string {
  return prefix + deriveBase32(hashed, 16);
}

/** The first characters of base32(sha256(…)), which kube-proxy and kube-router make names from. */
export function deriveBase32(hashed: string, length: number): string {
  const bytes = digest(hashed);
  let name = '';
  for (let at = 0; at < length; at++) {
    const bit = at * 5;
    const pair = ((bytes[bit >> 3] ?? 0) << 8) | (bytes[(bit >> 3) + 1] ?? 0);
    name += base32[(pair >> (11 - (bit & 7))) & 31] ?? '';
  }
  return name;
}
