// Node objects as facts, with what flannel's annotations tell the other nodes. The annotations' prefix is configurable
// (flannel 0.28: --kube-annotation-prefix), so they are found by the name after the slash.
import type { FlannelLease, KubeObject, NodeFact } from '../cluster-facts.ts';
import { parseAddress } from '../../net/address.ts';
import {
  numberOf,
  objectOf,
  objectsOf,
  parseJsonText,
  textMapOf,
  textOf,
  textsOf,
  withoutUndefined,
} from '../syntax/parse-json.ts';
import type { JsonObject } from '../syntax/parse-json.ts';
import { addressesOf, conditionOf, prefixesOf } from './object-fields.ts';

export function nodesOf(objects: readonly KubeObject[]): readonly NodeFact[] {
  return objects.map((object) => {
    const metadata = objectOf(object.raw.metadata);
    const spec = objectOf(object.raw.spec);
    const status = objectOf(object.raw.status);
    const annotations = textMapOf(metadata?.annotations);
    const ofType = (type: string): (string | undefined)[] =>
      objectsOf(status?.addresses)
        .filter((entry) => entry.type === type)
        .map((entry) => textOf(entry.address));
    return withoutUndefined<NodeFact>({
      evidence: object.evidence,
      name: object.name,
      podCidrs: prefixesOf([...textsOf(spec?.podCIDRs), textOf(spec?.podCIDR)]),
      internalIps: addressesOf(ofType('InternalIP')),
      externalIps: addressesOf(ofType('ExternalIP')),
      isReady: conditionOf(status?.conditions, 'Ready'),
      annotations,
      labels: textMapOf(metadata?.labels),
      flannel: flannelLeaseOf(annotations),
      kubeletVersion: textOf(objectOf(status?.nodeInfo)?.kubeletVersion),
    });
  });
}

function flannelLeaseOf(annotations: ReadonlyMap<string, string>): FlannelLease | undefined {
  const typeKey = [...annotations.keys()].sort().find((key) => /^[^/]*flannel[^/]*\/backend-type$/.test(key));
  if (typeKey === undefined) return undefined;
  const prefix = typeKey.slice(0, -'backend-type'.length);
  const value = (name: string): string => annotations.get(`${prefix}${name}`) ?? '';
  const data = backendData(value('backend-data'));
  const dataV6 = backendData(value('backend-v6-data'));
  return withoutUndefined<FlannelLease>({
    backendType: annotations.get(typeKey) ?? '',
    publicIp: parseAddress(value('public-ip')),
    vtepMac: textOf(data?.VtepMAC)?.toLowerCase(),
    vni: numberOf(data?.VNI) ?? numberOf(dataV6?.VNI),
    publicIpv6: parseAddress(value('public-ipv6')),
    vtepMacV6: textOf(dataV6?.VtepMAC)?.toLowerCase(),
  });
}

function backendData(text: string): JsonObject | undefined {
  return objectOf(parseJsonText(text));
}
