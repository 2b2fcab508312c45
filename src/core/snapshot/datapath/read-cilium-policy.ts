// Cilium's policy maps: `cilium-dbg bpf policy get --all -o json` (cilium-dbg/cmd/bpf_policy_get.go and
// pkg/maps/policymap, Cilium 1.14 to 1.18). The map's own structures are printed: ports in network byte order, as a
// number of the little-endian machine that prints them, and a prefix length that says how many bits of protocol and
// port count. Where there is none (a hash map), 0 is any.
import type { Evidence } from '../../fact/evidence.ts';
import type { BundleFile } from '../bundle-file.ts';
import type { CiliumPolicyEntry, CiliumPolicyMap } from '../datapath-facts.ts';
import { numberOf, objectOf, objectsOf, wordOf } from '../syntax/parse-json.ts';
import type { JsonObject } from '../syntax/parse-json.ts';
import { readJsonRows } from '../syntax/read-rows.ts';
import type { Reading } from '../syntax/reading.ts';

/** Bits of the key before protocol (8) and port (16): the identity's 32 and the direction's 8. */
const staticBits = 40;

export function readCiliumPolicies(file: BundleFile): Reading<readonly CiliumPolicyMap[]> {
  return readJsonRows(file, readMap);
}

function readMap(row: JsonObject, evidence: Evidence): readonly CiliumPolicyMap[] | undefined {
  const endpoint = wordOf(row['EndpointID']);
  if (endpoint === undefined || !/^\d+$/.test(endpoint)) return undefined;
  const rows = objectsOf(row['Content']);
  const entries = rows.map((entry, index) =>
    readEntry(entry, { path: evidence.path, at: `${evidence.at ?? ''}/Content/${index}` }),
  );
  if (!entries.every((entry) => entry !== undefined)) return undefined;
  return [{ endpoint: Number(endpoint), entries }];
}

function readEntry(row: JsonObject, evidence: Evidence): CiliumPolicyEntry | undefined {
  const key = objectOf(row['Key']);
  const identity = numberOf(key?.['Identity']);
  const direction = numberOf(key?.['TrafficDirection']);
  const flags = numberOf(row['Flags']);
  const protocol = numberOf(key?.['Nexthdr']);
  const port = numberOf(key?.['DestPortNetwork']) ?? numberOf(key?.['DestPort']);
  if (key === undefined || identity === undefined || flags === undefined) return undefined;
  if (direction === undefined || protocol === undefined || port === undefined) return undefined;
  return {
    evidence,
    identity,
    direction: direction === 0 ? 'ingress' : 'egress',
    protocol,
    ports: portsOf(swapBytes(port), numberOf(key['Prefixlen'])),
    isDeny: (flags & 1) === 1,
    proxyPort: swapBytes(numberOf(row['ProxyPortNetwork']) ?? numberOf(row['ProxyPort']) ?? 0),
  };
}

function swapBytes(port: number): number {
  return ((port & 0xff) << 8) | (port >> 8);
}

function portsOf(port: number, prefixLength: number | undefined): CiliumPolicyEntry['ports'] {
  const isWhole = port === 0 ? 0 : 16;
  const bits = prefixLength === undefined ? isWhole : Math.max(0, prefixLength - staticBits - 8);
  const size = 2 ** (16 - Math.min(16, bits));
  const from = Math.floor(port / size) * size;
  return { from, to: from + size - 1 };
}
