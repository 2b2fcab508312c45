// `sysctl -a` (procps or busybox) as settings by key. Every line stands for itself, so an incomplete file is used as
// far as it goes: a key that is not there is not known. Keys of a device whose name holds a dot are printed as
// `net.ipv4.conf.eth0/5.rp_filter` by procps (4.0) and as `…eth0.5.…` by busybox; here they are spelled procps's way.
// A machine has thousands of settings, so what nearly all lines look like is read without a pattern.
import type { BundleFile } from '../bundle-file.ts';
import type { SysctlFact } from '../namespace-facts.ts';
import { notUnderstood, understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';

export function readSysctls(file: BundleFile): Reading<ReadonlyMap<string, SysctlFact>> {
  const settings = new Map<string, SysctlFact>();
  const text = file.text();
  const { path } = file;
  const isPlain = !oddLine.test(text);
  // What stands after the last line end is nothing, or a line that was cut.
  for (let start = 0, number = 1, end; (end = text.indexOf('\n', start)) >= 0; start = end + 1, number++) {
    if (isPlain) {
      const at = text.indexOf(' = ', start);
      const evidence = { path, at: `L${number}` };
      settings.set(canonicalSysctlKey(text.slice(start, at)), { evidence, value: text.slice(at + 3, end) });
      continue;
    }
    const found = settingLine.exec(text.slice(start, end));
    if (found === null) continue;
    const evidence = { path, at: `L${number}` };
    settings.set(canonicalSysctlKey(found[1] ?? ''), { evidence, value: found[2] ?? '' });
  }
  const isNoListing = settings.size === 0 && file.bytes.length > 0;
  return isNoListing ? notUnderstood('not understood at line 1') : understood(settings);
}

const settingLine = /^([a-zA-Z0-9][\w./:@-]*)\s*=\s*(.*?)\s*$/;

/**
 * Something that is not `key = value` with one space on either side and none at the end. Looked for in the whole text at
 * once: a listing can have hundreds of thousands of lines, which a pattern for all of them could not remember.
 */
const oddLine = /^(?=[^])(?![a-zA-Z0-9][\w./:@-]* = \S)|[^\S\n]$/m;

const deviceStem = 'net.ipv4.conf.';

function canonicalSysctlKey(key: string): string {
  const dot = key.indexOf('.', deviceStem.length);
  // One dot after the stem stands before the setting's name, so there is none in the device's.
  if (dot >= 0 && dot === key.lastIndexOf('.')) return key;
  const dotted = key.includes('.') ? key : key.replaceAll('/', '.');
  const found = /^net\.(ipv4|ipv6)\.(conf|neigh)\.(.+)\.([^.]+)$/.exec(dotted);
  if (found === null) return dotted;
  const [, family, group, link = '', name] = found;
  return `net.${family ?? ''}.${group ?? ''}.${link.replaceAll('.', '/')}.${name ?? ''}`;
}
