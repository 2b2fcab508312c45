// Which kubeconfig files there are, in kubectl's order and then where distributions put theirs.
// In: the flag. Out: files to merge, or one sentence why there are none.
import { accessSync, constants, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

export type KubeconfigFiles =
  | { readonly ok: true; readonly files: readonly string[]; readonly label: string }
  | { readonly ok: false; readonly isAbsent: boolean; readonly why: string };

/** Stands for the pod's own service account where a file's name would. */
export const inClusterName = '(service account)';

const serviceAccountToken = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** Written by the programs themselves; readable by root only, as a rule. */
const distributionFiles = [
  '/etc/rancher/k3s/k3s.yaml',
  '/etc/rancher/rke2/rke2.yaml',
  '/etc/kubernetes/admin.conf',
];

export function findKubeconfigs(flag: string | undefined): KubeconfigFiles {
  if (flag !== undefined)
    return existsSync(flag) ? only(flag) : refuse(`There is no kubeconfig ${flag}.`, false);
  const listed = (process.env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  if (listed.length > 0) {
    const files = listed.filter((file) => existsSync(file));
    const label = listed.join(delimiter);
    return files.length > 0
      ? { ok: true, files, label }
      : refuse(`KUBECONFIG names no file that exists: ${label}.`, false);
  }
  const own = join(homedir(), '.kube', 'config');
  if (existsSync(own)) return only(own);
  if (process.env['KUBERNETES_SERVICE_HOST'] !== undefined && existsSync(serviceAccountToken))
    return only(inClusterName);
  const there = distributionFiles.filter((file) => existsSync(file));
  const readable = there.find(isReadable);
  if (readable !== undefined) return only(readable);
  if (there[0] !== undefined)
    return refuse(`Only root may read ${there[0]}; run with sudo or give --kubeconfig.`, false);
  return refuse('No kubeconfig was found: give --kubeconfig or set KUBECONFIG.', true);
}

function only(file: string): KubeconfigFiles {
  return { ok: true, files: [file], label: file };
}

function refuse(why: string, isAbsent: boolean): KubeconfigFiles {
  return { ok: false, isAbsent, why };
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
