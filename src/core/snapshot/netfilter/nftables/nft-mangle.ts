// `… set …` of nftables: marks, and what else of a packet or its connection a rule can write.
import type { Json } from '../../cluster-facts.ts';
import { numberOf, objectOf, textOf } from '../../syntax/parse-json.ts';
import { formatStatement } from './format-nft.ts';
import { taggedOf } from './nft-json.ts';
import { markFieldOf, readMarkEdit } from './nft-mark.ts';
import type { RuleDraft } from './nft-rule-draft.ts';

export function addMangle(draft: RuleDraft, body: Json): void {
  const text = formatStatement({ mangle: body });
  const { key, value } = objectOf(body) ?? {};
  const target = markFieldOf(key);
  if (target !== undefined && value !== undefined) {
    const edit = readMarkEdit(target, value);
    if (edit !== undefined) draft.steps.push({ kind: 'set-mark', target, edit });
    else draft.steps.push({ kind: 'opaque', text, why: 'what the mark becomes is not understood' });
    return;
  }
  const bytes = segmentSizeOf(key, value);
  if (bytes !== undefined) draft.steps.push({ kind: 'clamp-mss', bytes });
  else if (changesNothingHere(key)) draft.steps.push({ kind: 'note', text });
  else draft.steps.push({ kind: 'opaque', text, why: 'it changes the packet' });
}

function segmentSizeOf(key: Json | undefined, value: Json | undefined): number | 'path' | undefined {
  const option = taggedOf(key);
  const fields = objectOf(option?.body);
  if (option?.tag !== 'tcp option' || fields?.name !== 'maxseg' || fields.field !== 'size') return undefined;
  const route = taggedOf(value);
  if (route?.tag === 'rt' && objectOf(route.body)?.key === 'mtu') return 'path';
  return numberOf(value);
}

/** What decides no way: queueing, tracing, labels, and fields of the header that rules hardly ever compare afterwards. */
const harmless: ReadonlySet<string> = new Set([
  'meta priority',
  'meta nftrace',
  'meta secmark',
  'ct label',
  'ct event',
  'ct secmark',
  'ct helper',
  'ip dscp',
  'ip6 dscp',
  'ip6 flowlabel',
  'ip ecn',
  'ip6 ecn',
  'ip ttl',
  'ip6 hoplimit',
  'ip id',
]);

function changesNothingHere(key: Json | undefined): boolean {
  const tagged = taggedOf(key);
  const fields = objectOf(tagged?.body);
  const name = tagged?.tag === 'payload' ? textOf(fields?.protocol) : tagged?.tag;
  const field = textOf(tagged?.tag === 'payload' ? fields?.field : fields?.key);
  return harmless.has(`${name ?? ''} ${field ?? ''}`);
}
