// What Cilium's agent says it does: `cilium-dbg status -o json`, or its API's /v1/healthz (api/v1/models StatusResponse and
// KubeProxyReplacement). The mode is True or False since 1.14; before, Strict and Probe meant all of it, Partial some.
import type { BundleFile } from '../bundle-file.ts';
import type { CiliumStatus } from '../datapath-facts.ts';
import { flagOf, objectOf, objectsOf, parseJsonObject, textOf, textsOf } from '../syntax/parse-json.ts';
import { withoutUndefined } from '../syntax/parse-json.ts';
import type { JsonObject } from '../syntax/parse-json.ts';
import { notUnderstood, understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';

export function readCiliumStatus(file: BundleFile): Reading<CiliumStatus> {
  const parsed = parseJsonObject(file);
  if (!parsed.isUnderstood) return parsed;
  const agent = objectOf(parsed.value['cilium']);
  const replacement = objectOf(parsed.value['kube-proxy-replacement']);
  if (agent === undefined && replacement === undefined)
    return notUnderstood('not understood (neither cilium nor kube-proxy-replacement in it)');
  return understood(
    withoutUndefined<CiliumStatus>({
      version: /^\d+\.\d+\.\d+/.exec(textOf(agent?.['msg']) ?? '')?.[0],
      isKubeProxyReplaced: modeOf(textOf(replacement?.['mode'])),
      socketBalancing: balancingOf(objectOf(replacement?.['features'])),
      devices: devicesOf(replacement),
    }),
  );
}

function modeOf(mode: string | undefined): boolean | undefined {
  if (mode === 'True' || mode === 'Strict' || mode === 'Probe') return true;
  return mode === 'False' || mode === 'Disabled' ? false : undefined;
}

function balancingOf(features: JsonObject | undefined): CiliumStatus['socketBalancing'] {
  const isOn = flagOf(objectOf(features?.['socketLB'])?.['enabled']);
  if (features === undefined) return undefined;
  // Left out where false, as Go leaves out empty fields.
  if (isOn !== true) return 'off';
  return features['bpfSocketLBHostnsOnly'] === true ? 'host-only' : 'everywhere';
}

function devicesOf(replacement: JsonObject | undefined): readonly string[] | undefined {
  if (replacement === undefined) return undefined;
  const listed = objectsOf(replacement['deviceList']).flatMap((device) => textOf(device['name']) ?? []);
  return [...new Set([...listed, ...textsOf(replacement['devices'])])];
}
