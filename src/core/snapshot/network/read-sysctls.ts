// `sysctl -a` (procps or busybox) as settings by key. Every line stands for itself, so an incomplete file is used as
// far as it goes: a key that is not there is not known. Keys of a device whose name holds a dot are printed as
// `net.ipv4.conf.eth0/5.rp_filter` by procps (4.0) and as `…eth0.5.…` by busybox; here they are spelled procps's way.
import type { BundleFile } from '../bundle-file.ts';
import type { SysctlFact } from '../namespace-facts.ts';
import { notUnderstood, understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';

export function readSysctls(file: BundleFile): Reading<ReadonlyMap<string, SysctlFact>> {
  const settings = new Map<string, SysctlFact>();
  const lines = file.text().split('\n');
  // What stands after the last line end is nothing, or a line that was cut.
  lines.pop();
  for (const [index, line] of lines.entries()) {
    const found = /^([a-zA-Z0-9][\w./:@-]*)\s*=\s*(.*?)\s*$/.exec(line);
    if (found === null) continue;
    const [, key = '', value = ''] = found;
    settings.set(canonicalSysctlKey(key), { evidence: { path: file.path, at: `L${index + 1}` }, value });
  }
  const isNoListing = settings.size === 0 && file.bytes.length > 0;
  return isNoListing ? notUnderstood('not understood at line 1') : understood(settings);
}

function canonicalSysctlKey(key: string): string {
  const dotted = key.includes('.') ? key : key.replaceAll('/', '.');
  const found = /^net\.(ipv4|ipv6)\.(conf|neigh)\.(.+)\.([^.]+)$/.exec(dotted);
  if (found === null) return dotted;
  const [, family, group, link = '', name] = found;
  return `net.${family ?? ''}.${group ?? ''}.${link.replaceAll('.', '/')}.${name ?? ''}`;
}
