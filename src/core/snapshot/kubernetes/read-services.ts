// Service objects as facts. `None` as cluster IP makes a Service headless; an ExternalName Service has none either but
// is not headless.
import type { Json, KubeObject, ServiceFact, ServicePort } from '../cluster-facts.ts';
import {
  numberOf,
  objectOf,
  objectsOf,
  textMapOf,
  textOf,
  textsOf,
  withoutUndefined,
  wordOf,
} from '../syntax/parse-json.ts';
import { addressesOf, protocolOf } from './object-fields.ts';

export function servicesOf(objects: readonly KubeObject[]): readonly ServiceFact[] {
  return objects.map((object) => {
    const spec = objectOf(object.raw.spec);
    const clusterIps = [textOf(spec?.clusterIP), ...textsOf(spec?.clusterIPs)];
    return withoutUndefined<ServiceFact>({
      evidence: object.evidence,
      namespace: object.namespace ?? 'default',
      name: object.name,
      type: textOf(spec?.type) ?? 'ClusterIP',
      clusterIps: addressesOf(clusterIps),
      isHeadless: clusterIps.includes('None'),
      externalIps: addressesOf(textsOf(spec?.externalIPs)),
      selector: textMapOf(spec?.selector),
      ports: portsOf(spec?.ports),
      externalTrafficPolicy: textOf(spec?.externalTrafficPolicy),
      internalTrafficPolicy: textOf(spec?.internalTrafficPolicy),
    });
  });
}

function portsOf(json: Json | undefined): readonly ServicePort[] {
  return objectsOf(json).flatMap((entry) => {
    const port = numberOf(entry.port);
    if (port === undefined) return [];
    const fact = withoutUndefined<ServicePort>({
      name: textOf(entry.name),
      protocol: protocolOf(entry.protocol),
      port,
      targetPort: wordOf(entry.targetPort),
      nodePort: numberOf(entry.nodePort),
    });
    return [fact];
  });
}
