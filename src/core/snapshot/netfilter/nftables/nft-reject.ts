// `reject` of nftables in iptables' words, so that both say the same of the same refusal. icmpx, which stands for one
// error or the other depending on the packet's family, is given IPv4's word.
import type { Json } from '../../cluster-facts.ts';
import { objectOf, textOf, wordOf } from '../../syntax/parse-json.ts';
import { addImplied } from './nft-rule-draft.ts';
import type { RuleDraft } from './nft-rule-draft.ts';
import { formatStatement } from './format-nft.ts';
import { protocolNumbers } from './nft-names.ts';

const icmpWords: Readonly<Record<string, string>> = {
  'net-unreachable': 'icmp-net-unreachable',
  'host-unreachable': 'icmp-host-unreachable',
  'prot-unreachable': 'icmp-proto-unreachable',
  'port-unreachable': 'icmp-port-unreachable',
  'frag-needed': 'icmp-frag-needed',
  'net-prohibited': 'icmp-net-prohibited',
  'host-prohibited': 'icmp-host-prohibited',
  'admin-prohibited': 'icmp-admin-prohibited',
};

const icmpxWords: Readonly<Record<string, string>> = {
  'no-route': 'icmp-net-unreachable',
  'port-unreachable': 'icmp-port-unreachable',
  'host-unreachable': 'icmp-host-unreachable',
  'admin-prohibited': 'icmp-admin-prohibited',
};

const icmpv6Words: Readonly<Record<string, string>> = {
  'no-route': 'icmp6-no-route',
  'admin-prohibited': 'icmp6-adm-prohibited',
  'addr-unreachable': 'icmp6-addr-unreachable',
  'port-unreachable': 'icmp6-port-unreachable',
  'policy-fail': 'icmp6-policy-fail',
  'reject-route': 'icmp6-reject-route',
};

export function addReject(draft: RuleDraft, body: Json): void {
  const fields = objectOf(body) ?? {};
  const type = textOf(fields.type) ?? defaultType(draft);
  const code = wordOf(fields.expr) ?? 'port-unreachable';
  if (type === 'icmp') addImplied(draft, { family: 4 });
  if (type === 'icmpv6') addImplied(draft, { family: 6 });
  if (type === 'tcp reset') addImplied(draft, { protocol: protocolNumbers.tcp });
  const words = type === 'icmp' ? icmpWords : type === 'icmpv6' ? icmpv6Words : icmpxWords;
  const word = type === 'tcp reset' ? 'tcp-reset' : words[code];
  if (word === undefined) {
    const text = formatStatement({ reject: body });
    draft.steps.push({ kind: 'opaque', text, why: 'the error that it answers with is not known' });
  } else draft.steps.push({ kind: 'verdict', verdict: { kind: 'reject', with: word } });
}

/** A bare `reject` answers as the packet's family asks: the table's, or the one that the rule is about. */
function defaultType({ table, family }: RuleDraft): string {
  if (table === 'ip' || family === 4) return 'icmp';
  return table === 'ip6' || family === 6 ? 'icmpv6' : 'icmpx';
}
