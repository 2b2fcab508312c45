// Cilium's load balancing: `cilium-dbg bpf lb list -o json`, which is the eBPF map, and `cilium-dbg service list -o json`,
// which is the agent's own list with the state of every backend. In: either. Out: frontends with their backends.
// Forms (cilium-dbg/cmd/bpf_lb_list.go, pkg/maps/lbmap): `{"10.96.0.10:53/UDP (1)": ["10.0.1.7:53/UDP (5) (1)"]}` with a key
// for every slot since 1.16; before, one key `10.96.0.10:53` with all of its slots, and no protocol anywhere. Slot 0 is the
// frontend itself: `0.0.0.0:0 (5) (0) [ClusterIP, non-routable]`. `/i` marks the scope for what comes from inside.
import type { Evidence } from '../../fact/evidence.ts';
import { parseAddress } from '../../net/address.ts';
import type { Address } from '../../net/address.ts';
import type { BundleFile } from '../bundle-file.ts';
import type { CiliumBackend, CiliumBackendState, CiliumFrontend, TransportName } from '../datapath-facts.ts';
import { compareText } from '../syntax/compare-text.ts';
import {
  listOf,
  numberOf,
  objectOf,
  objectsOf,
  parseJson,
  parseJsonObject,
  textOf,
  textsOf,
  withoutUndefined,
} from '../syntax/parse-json.ts';
import type { JsonObject } from '../syntax/parse-json.ts';
import { notUnderstood, understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';

interface FrontendKey {
  readonly address: Address;
  readonly port: number;
  readonly protocol?: TransportName;
  readonly isInternalScope: boolean;
}

interface Draft extends FrontendKey {
  readonly evidence: Evidence;
  type?: string;
  flags: readonly string[];
  readonly backends: CiliumBackend[];
  readonly lostBackends: number[];
}

export function readCiliumBalancing(file: BundleFile): Reading<readonly CiliumFrontend[]> {
  const parsed = parseJsonObject(file);
  if (!parsed.isUnderstood) return parsed;
  const drafts = new Map<string, Draft>();
  for (const [name, values] of Object.entries(parsed.value).sort(([a], [b]) => compareText(a, b))) {
    const at = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const key = parseKey(name);
    if (key === undefined) return notUnderstood(`not understood at ${at}`);
    const id = `${key.address} ${key.port} ${key.protocol ?? ''} ${String(key.isInternalScope)}`;
    const draft = drafts.get(id) ?? {
      ...key,
      evidence: { path: file.path, at },
      flags: [],
      backends: [],
      lostBackends: [],
    };
    drafts.set(id, draft);
    for (const value of textsOf(values)) {
      if (!takeSlot(draft, value)) return notUnderstood(`not understood at ${at}`);
    }
  }
  return understood([...drafts.values()].map((draft) => withoutUndefined<CiliumFrontend>({ ...draft })));
}

/** `10.96.0.10:53/UDP/i (2)`, `[fd00::a]:53/UDP (0)`, `10.96.0.10:0/ANY (0)`, `10.96.0.10:53`. */
function parseKey(text: string): FrontendKey | undefined {
  const found = /^\[?([^\]]+?)\]?:(\d+)(?:\/([A-Z]+))?(\/i)?(?: \(\d+\))?$/.exec(text);
  const address = parseAddress(found?.[1] ?? '');
  if (found === null || address === undefined) return undefined;
  return withoutUndefined<FrontendKey>({
    address,
    port: Number(found[2]),
    protocol: transportOf(found[3]),
    isInternalScope: found[4] !== undefined,
  });
}

/** NONE and ANY are no protocol of their own. */
function transportOf(text: string | undefined): TransportName | undefined {
  const name = text?.toLowerCase();
  return name === 'tcp' || name === 'udp' || name === 'sctp' ? name : undefined;
}

function takeSlot(draft: Draft, text: string): boolean {
  const lost = /^backend (\d+) not found$/.exec(text);
  if (lost !== null) {
    draft.lostBackends.push(Number(lost[1]));
    return true;
  }
  const head = /^(?:0\.0\.0\.0|\[::\]):0 (?:\(\d+\) )+\[([^\]]*)\]/.exec(text);
  if (head !== null) {
    const [type, ...flags] = (head[1] ?? '').split(', ');
    if (type !== undefined && type !== '') draft.type = type;
    draft.flags = flags;
    return true;
  }
  const found = /^\[?([^\]]+?)\]?:(\d+)(?:\/[A-Z]+)? \(\d+\)/.exec(text);
  const address = parseAddress(found?.[1] ?? '');
  if (address === undefined) return false;
  draft.backends.push({ address, port: Number(found?.[2]) });
  return true;
}

export function readCiliumServices(file: BundleFile): Reading<readonly CiliumFrontend[]> {
  const parsed = parseJson(file);
  if (!parsed.isUnderstood) return parsed;
  if (!Array.isArray(parsed.value)) return notUnderstood('not a JSON list');
  const frontends: CiliumFrontend[] = [];
  for (const [index, entry] of listOf(parsed.value).entries()) {
    const frontend = readService(objectOf(entry), { path: file.path, at: `/${index}` });
    if (frontend === undefined) return notUnderstood(`not understood at /${index}`);
    frontends.push(frontend);
  }
  return understood(frontends);
}

/** What is realized is what the map holds; `spec` is what was asked for. */
function readService(entry: JsonObject | undefined, evidence: Evidence): CiliumFrontend | undefined {
  const realized = objectOf(objectOf(entry?.['status'])?.['realized']) ?? objectOf(entry?.['spec']);
  const frontend = objectOf(realized?.['frontend-address']);
  const address = parseAddress(textOf(frontend?.['ip']) ?? '');
  if (frontend === undefined || address === undefined) return undefined;
  const backends = objectsOf(realized?.['backend-addresses']).map(readBackend);
  if (!backends.every((backend) => backend !== undefined)) return undefined;
  return withoutUndefined<CiliumFrontend>({
    evidence,
    address,
    protocol: transportOf(textOf(frontend['protocol'])),
    port: numberOf(frontend['port']) ?? 0,
    isInternalScope: frontend['scope'] === 'internal',
    type: textOf(objectOf(realized?.['flags'])?.['type']),
    flags: [],
    backends,
    lostBackends: [],
  });
}

const states: readonly string[] = ['active', 'terminating', 'quarantined', 'maintenance'];

function readBackend(row: JsonObject): CiliumBackend | undefined {
  const address = parseAddress(textOf(row['ip']) ?? '');
  if (address === undefined) return undefined;
  // Absent before 1.12; a state with a newer name is one that gets no new connections.
  const state = textOf(row['state']) ?? 'active';
  return {
    address,
    port: numberOf(row['port']) ?? 0,
    state: states.includes(state) ? (state as CiliumBackendState) : 'maintenance',
  };
}
