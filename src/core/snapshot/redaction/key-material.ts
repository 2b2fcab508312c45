// Secrets that show by their own form, wherever they stand: private keys, Tailscale's and k3s's keys, tokens of well-known makers.
// In: a text. Out: the text with the secret part replaced; what only names the key (its type, its id, the CA's hash) stays, so
// that it can still be found in the list of keys. Public keys and certificates are no secrets.
import { holdsPseudonym } from './pseudonyms.ts';
import type { Pseudonyms } from './pseudonyms.ts';

export function redactKeyMaterial(text: string, pseudonyms: Pseudonyms): string {
  let changed = text;
  if (changed.includes('PRIVATE KEY')) changed = redactPem(changed, pseudonyms);
  for (const { hint, pattern } of forms) {
    if (!changed.includes(hint)) continue;
    changed = changed.replace(
      pattern,
      (_whole, kept: string, secret: string) => kept + pseudonyms.secret(secret),
    );
  }
  return changed;
}

const pem = /-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?)-----([\s\S]*?)(?:-----END \1-----|$)/g;

function redactPem(text: string, pseudonyms: Pseudonyms): string {
  return text.replace(pem, (whole, kind: string, body: string) => {
    if (holdsPseudonym(body)) return whole;
    // In a text that quotes JSON the line ends are two characters; the same key must be the same secret in both.
    const isQuoted = body.includes('\\n');
    const lineEnd = isQuoted ? '\\n' : '\n';
    const key = body.replaceAll('\\n', '').replace(/\s/g, '');
    if (key === '') return whole;
    return `-----BEGIN ${kind}-----${lineEnd}${pseudonyms.secret(key)}${lineEnd}-----END ${kind}-----`;
  });
}

interface Form {
  /** A part of every match, by which most texts are ruled out quickly. */
  readonly hint: string;
  /** Two groups: what stays, and the secret. */
  readonly pattern: RegExp;
}

const forms: readonly Form[] = [
  // tskey-<kind>-<id>-<secret>, and older ones without a kind. The id stands in the tailnet's list of keys.
  { hint: 'tskey-', pattern: /\b(tskey-(?:[a-z]+-)?[A-Za-z0-9]+-)([A-Za-z0-9_-]+)(?![\w«-])/g },
  { hint: 'tskey-', pattern: /\b(tskey-)([A-Za-z0-9]{8,})(?![\w«-])/g },
  { hint: 'hskey-', pattern: /\b(hskey-(?:[a-z]+-)?)([A-Za-z0-9_-]{12,})(?![\w«-])/g },
  // Tailscale's typed private keys (types/key, 1.102); a key of zeros means that there is none.
  { hint: 'priv', pattern: /\b([a-z]*priv(?:key)?:)(?!0+\b)([0-9a-f]{32,})/g },
  // k3s's full token: the hash of the CA, a user, a password (k3s pkg/clientaccess).
  { hint: 'K10', pattern: /\b(K10[0-9a-f]{64}::(?:[^\s:"',«]*:)?)([^\s:"',«\\]+)(?![^\s"',\\])/g },
  { hint: 'eyJ', pattern: /(\b)(eyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*)/g },
  { hint: 'gh', pattern: /\b(gh[pousr]_)(\w{20,})/g },
  { hint: 'github_pat_', pattern: /\b(github_pat_)(\w{20,})/g },
  { hint: 'glpat-', pattern: /\b(glpat-)([\w-]{16,})/g },
  { hint: 'xox', pattern: /\b(xox[abeoprs]-)([\w-]{10,})/g },
  { hint: 'A', pattern: /\b((?:AKIA|ASIA))([0-9A-Z]{16})\b/g },
  { hint: 'AIza', pattern: /\b(AIza)([\w-]{35})/g },
  { hint: 'ya29.', pattern: /\b(ya29\.)([\w-]{20,})/g },
  { hint: '_live_', pattern: /\b([rsp]k_live_)(\w{16,})/g },
  { hint: 'sk-', pattern: /\b(sk-)([\w-]{20,})/g },
  { hint: 'npm_', pattern: /\b(npm_)(\w{30,})/g },
  { hint: 'hf_', pattern: /\b(hf_)(\w{30,})/g },
  { hint: 'dop_v1_', pattern: /\b(dop_v1_)([0-9a-f]{32,})/g },
  { hint: 'hooks.slack.com', pattern: /(hooks\.slack\.com\/services\/)([\w/]{10,})/g },
  { hint: '/api/webhooks/', pattern: /(\/api\/webhooks\/\d+\/)([\w-]{10,})/g },
  // Whoever opens this address adds the machine to a tailnet of their own.
  { hint: 'login.tailscale.com', pattern: /(login\.tailscale\.com\/a\/)([0-9a-z]+)/g },
  { hint: '$', pattern: /(\$(?:apr1|2[aby]?|5|6|1|y)\$)([./A-Za-z0-9$=,]{8,})/g },
  // ip xfrm state: the algorithm, then the key.
  { hint: '0x', pattern: /((?:auth(?:-trunc)?|enc|aead)\s+\S+\s+)(0x[0-9a-f]{8,})/g },
  { hint: 'earer ', pattern: /\b([Bb]earer +)((?=\S*\d)[\w.~+/-]{8,}=*)/g },
  { hint: 'asic ', pattern: /\b([Bb]asic +)((?=\S*[\d=])[A-Za-z0-9+/]{8,}=*)/g },
  { hint: 'ookie:', pattern: /\b((?:[Ss]et-)?[Cc]ookie:[ \t]*)([^\s«][^\r\n«]*)/g },
];
