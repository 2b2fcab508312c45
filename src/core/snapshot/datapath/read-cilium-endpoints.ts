// Who is behind which of Cilium's devices: `cilium-dbg endpoint list -o json` (api/v1/models Endpoint, Cilium 1.14 to 1.18).
// The node itself and the health check are endpoints too, without a pod.
import type { Evidence } from '../../fact/evidence.ts';
import { parseAddress } from '../../net/address.ts';
import type { BundleFile } from '../bundle-file.ts';
import type { CiliumEndpoint, PolicyEnforcement } from '../datapath-facts.ts';
import { numberOf, objectOf, objectsOf, textOf, withoutUndefined } from '../syntax/parse-json.ts';
import type { JsonObject } from '../syntax/parse-json.ts';
import { readJsonRows } from '../syntax/read-rows.ts';
import type { Reading } from '../syntax/reading.ts';

export function readCiliumEndpoints(file: BundleFile): Reading<readonly CiliumEndpoint[]> {
  return readJsonRows(file, readEndpoint);
}

function readEndpoint(row: JsonObject, evidence: Evidence): readonly CiliumEndpoint[] | undefined {
  const id = numberOf(row['id']);
  const status = objectOf(row['status']);
  if (id === undefined || status === undefined) return undefined;
  const networking = objectOf(status['networking']);
  return [
    withoutUndefined<CiliumEndpoint>({
      evidence,
      id,
      identity: numberOf(objectOf(status['identity'])?.['id']),
      pod: podOf(objectOf(status['external-identifiers'])),
      addresses: objectsOf(networking?.['addressing']).flatMap((pair) =>
        [pair['ipv4'], pair['ipv6']].flatMap((text) => parseAddress(textOf(text) ?? '') ?? []),
      ),
      link: textOf(networking?.['interface-name']),
      state: textOf(status['state']),
      enforcement: enforcementOf(objectOf(objectOf(status['policy'])?.['realized'])?.['policy-enabled']),
    }),
  ];
}

function podOf(names: JsonObject | undefined): string | undefined {
  const namespace = textOf(names?.['k8s-namespace']);
  const name = textOf(names?.['k8s-pod-name']);
  return namespace === undefined || name === undefined ? textOf(names?.['pod-name']) : `${namespace}/${name}`;
}

/** An audit mode logs what it would drop; those names stay unread, so that nobody takes them for a drop. */
function enforcementOf(value: JsonObject[string]): PolicyEnforcement | undefined {
  return value === 'none' || value === 'ingress' || value === 'egress' || value === 'both'
    ? value
    : undefined;
}
