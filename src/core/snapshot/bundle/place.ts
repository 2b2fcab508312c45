// Where in a bundle a path lies: at a machine, in the namespace of one of its pods, in the cluster's part, or elsewhere.

export interface MachinePlace {
  /** `nodes/n1` or `hosts/nas`. */
  readonly machineFolder: string;
  /** `swimto_api-7d9`, or a name that the collector gave to a namespace (`netns_4026532321`). */
  readonly podFolder?: string;
  /** What comes after the folder: `ip-link.json`, `journal/k3s.log`. */
  readonly name: string;
}

export function machinePlaceOf(path: string): MachinePlace | undefined {
  const found = /^((?:nodes|hosts)\/[^/]+)\/(?:pods\/([^/]+)\/)?(.+)$/.exec(path);
  if (found === null) return undefined;
  const machineFolder = found[1] ?? '';
  const podFolder = found[2];
  const name = found[3] ?? '';
  return podFolder === undefined ? { machineFolder, name } : { machineFolder, podFolder, name };
}

/** `pods` for `cluster/resources/pods.json`. */
export function resourceNameOf(path: string): string | undefined {
  return /^cluster\/resources\/([^/]+)\.json$/.exec(path)?.[1];
}

/** `devices.json` for `tailnet/devices.json`. */
export function tailnetNameOf(path: string): string | undefined {
  return /^tailnet\/([^/]+\.(?:json|hujson))$/.exec(path)?.[1];
}

export interface ContainerLogPlace {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly isPrevious: boolean;
}

export function containerLogPlaceOf(path: string): ContainerLogPlace | undefined {
  const found = /^cluster\/logs\/([^/]+)\/([^/]+)\/([^/]+?)(\.previous)?\.log$/.exec(path);
  if (found === null) return undefined;
  const [, namespace = '', pod = '', container = '', previous] = found;
  return { namespace, pod, container, isPrevious: previous !== undefined };
}

/** The folder, if the path is that of a whole machine: `nodes/n4` for `nodes/n4/`. */
export function machineFolderOf(path: string): string | undefined {
  return /^((?:nodes|hosts)\/[^/]+)\/*$/.exec(path)?.[1];
}
