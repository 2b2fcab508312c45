// `bridge -j fdb` and its text: which MAC is behind which port of a bridge, and behind which VTEP of a VXLAN device.
// An entry without a state word was learned.
import type { Evidence } from '../../fact/evidence.ts';
import { parseAddress } from '../../net/address.ts';
import type { BundleFile } from '../bundle-file.ts';
import type { FdbFact } from '../namespace-facts.ts';
import { numberOf, textOf, textsOf, withoutUndefined } from '../syntax/parse-json.ts';
import type { Reading } from '../syntax/reading.ts';
import { readJsonRows, readTextRows } from '../syntax/read-rows.ts';
import { pairWords, wordsOf } from '../syntax/text-lines.ts';

interface FdbDraft {
  readonly mac: string | undefined;
  readonly link: string | undefined;
  readonly remote: string | undefined;
  readonly remotePort: number | undefined;
  readonly vni: number | undefined;
  readonly via: string | undefined;
  readonly vlan: number | undefined;
  readonly master: string | undefined;
  readonly flags: readonly string[];
  readonly state: string;
}

export function readFdbJson(file: BundleFile): Reading<readonly FdbFact[]> {
  return readJsonRows(file, (row, evidence) =>
    buildEntry(evidence, {
      mac: textOf(row.mac),
      link: textOf(row.ifname),
      remote: textOf(row.dst),
      remotePort: numberOf(row.port),
      vni: numberOf(row.vni),
      via: textOf(row.viaIf),
      vlan: numberOf(row.vlan),
      master: textOf(row.master),
      flags: textsOf(row.flags),
      state: textOf(row.state) ?? '',
    }),
  );
}

const flagWords: ReadonlySet<string> = new Set([
  'self',
  'router',
  'extern_learn',
  'offload',
  'sticky',
  'locked',
]);
const stateWords: ReadonlySet<string> = new Set(['permanent', 'static', 'stale']);

const keys: ReadonlySet<string> = new Set([
  'dev',
  'dst',
  'vlan',
  'port',
  'vni',
  'src_vni',
  'via',
  'nhid',
  'activity_notify',
  'used',
  'master',
]);

export function readFdbText(file: BundleFile): Reading<readonly FdbFact[]> {
  return readTextRows(file, (record, evidence) => {
    const [mac, ...words] = wordsOf(record.head.text);
    const { values, bare } = pairWords(words, keys);
    const numberOfKey = (key: string): number | undefined => {
      const value = values.get(key);
      return value === undefined ? undefined : Number(value);
    };
    // `via ifindex 7`: a device of another namespace, whose name is not known here.
    const via = values.get('via');
    return buildEntry(evidence, {
      mac,
      link: values.get('dev'),
      remote: values.get('dst'),
      remotePort: numberOfKey('port'),
      vni: numberOfKey('vni'),
      via: via === 'ifindex' ? undefined : via,
      vlan: numberOfKey('vlan'),
      master: values.get('master'),
      flags: bare.filter((word) => flagWords.has(word)),
      state: bare.find((word) => stateWords.has(word)) ?? '',
    });
  });
}

function buildEntry(evidence: Evidence, draft: FdbDraft): readonly FdbFact[] | undefined {
  const { mac, link } = draft;
  if (mac === undefined || link === undefined || !/^[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2})+$/.test(mac))
    return undefined;
  const remote = parseAddress(draft.remote ?? '');
  if (draft.remote !== undefined && remote === undefined) return undefined;
  return [withoutUndefined<FdbFact>({ evidence, ...draft, link, mac: mac.toLowerCase(), remote })];
}
