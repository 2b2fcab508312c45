// From addresses to identities: `cilium-dbg bpf ipcache list -o json` (Cilium 1.14 to 1.18). One text for each prefix:
// `{"10.0.1.7/32": ["identity=4321 encryptkey=0 tunnelendpoint=192.168.1.12 flags=hastunnel"]}`; before 1.15 a
// `nodeid=` or nothing stands where the flags are, and no tunnel is 0.0.0.0.
import { parseAddress } from '../../net/address.ts';
import { parsePrefix } from '../../net/prefix.ts';
import type { Evidence } from '../../fact/evidence.ts';
import type { BundleFile } from '../bundle-file.ts';
import type { CiliumIpcacheEntry } from '../datapath-facts.ts';
import { compareText } from '../syntax/compare-text.ts';
import { parseJsonObject, textsOf, withoutUndefined } from '../syntax/parse-json.ts';
import { notUnderstood, understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';

export function readCiliumIpcache(file: BundleFile): Reading<readonly CiliumIpcacheEntry[]> {
  const parsed = parseJsonObject(file);
  if (!parsed.isUnderstood) return parsed;
  const entries: CiliumIpcacheEntry[] = [];
  for (const [key, values] of Object.entries(parsed.value).sort(([a], [b]) => compareText(a, b))) {
    const at = `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    // Prefixes of another cluster of a mesh (`10.0.1.7/32@2`) are reached by other ways than these.
    if (key.includes('@')) continue;
    const entry = readEntry(key, textsOf(values)[0] ?? '', { path: file.path, at });
    if (entry === undefined) return notUnderstood(`not understood at ${at}`);
    entries.push(entry);
  }
  return understood(entries);
}

function readEntry(key: string, text: string, evidence: Evidence): CiliumIpcacheEntry | undefined {
  const prefix = parsePrefix(key);
  const fields = new Map(
    text.split(/\s+/).flatMap((word): readonly [string, string][] => {
      const equals = word.indexOf('=');
      return equals < 0 ? [] : [[word.slice(0, equals), word.slice(equals + 1)]];
    }),
  );
  const identity = fields.get('identity');
  if (prefix === undefined || identity === undefined || !/^\d+$/.test(identity)) return undefined;
  const endpoint = parseAddress(fields.get('tunnelendpoint') ?? '');
  return withoutUndefined<CiliumIpcacheEntry>({
    evidence,
    prefix,
    identity: Number(identity),
    tunnelEndpoint: endpoint === '0.0.0.0' || endpoint === '::' ? undefined : endpoint,
    isTunnelSkipped: (fields.get('flags') ?? '').split(',').includes('skiptunnel'),
  });
}
