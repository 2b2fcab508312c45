// Small files of a machine: `KEY=value` files (os-release, flannel's subnet.env), one line (uname), and the arguments a
// program was started with.
import { parsePrefix } from '../../net/prefix.ts';
import type { BundleFile } from '../bundle-file.ts';
import type { FlannelSubnetFact } from '../machine-facts.ts';
import { withoutUndefined } from '../syntax/parse-json.ts';
import { mapReading, notUnderstood, understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';
import { readHandWrittenLines, wordsOf } from '../syntax/text-lines.ts';

export function readAssignments(file: BundleFile): Reading<ReadonlyMap<string, string>> {
  return mapReading(readHandWrittenLines(file), (lines) => {
    const values = new Map<string, string>();
    for (const line of lines) {
      const found = /^\s*(?:export\s+)?([A-Za-z_]\w*)=(.*?)\s*$/.exec(line.text);
      if (found !== null) values.set(found[1] ?? '', unquote(found[2] ?? ''));
    }
    return values;
  });
}

function unquote(value: string): string {
  const found = /^(["'])(.*)\1$/.exec(value);
  return found === null ? value : (found[2] ?? '');
}

/** flannel 0.28 writes one network, or several joined by commas; the subnet is the bridge's own address with its length. */
export function readFlannelSubnet(file: BundleFile): Reading<FlannelSubnetFact> {
  const reading = readAssignments(file);
  if (!reading.isUnderstood) return reading;
  const value = (key: string): string | undefined => reading.value.get(`FLANNEL_${key}`)?.split(',')[0];
  if (![...reading.value.keys()].some((key) => key.startsWith('FLANNEL_'))) {
    return notUnderstood('not understood (no FLANNEL_ setting in it)');
  }
  const mtu = value('MTU');
  const masquerade = value('IPMASQ');
  return understood(
    withoutUndefined<FlannelSubnetFact>({
      network: parsePrefix(value('NETWORK') ?? ''),
      subnet: parsePrefix(value('SUBNET') ?? ''),
      networkV6: parsePrefix(value('IPV6_NETWORK') ?? ''),
      subnetV6: parsePrefix(value('IPV6_SUBNET') ?? ''),
      mtuBytes: mtu !== undefined && /^\d+$/.test(mtu) ? Number(mtu) : undefined,
      isMasquerading: masquerade === undefined ? undefined : masquerade === 'true',
    }),
  );
}

export function readFirstLine(file: BundleFile): Reading<string> {
  const lines = readHandWrittenLines(file);
  if (!lines.isUnderstood) return lines;
  const first = lines.value.find((line) => line.text.trim() !== '');
  return first === undefined ? notUnderstood('empty') : understood(first.text.trim());
}

/**
 * The arguments as the kernel keeps them (each ended by a NUL; of several processes the first), as one argument a line,
 * or as one line of words. k3s (1.36) writes its subcommand into its own name, so the first argument can be two words.
 */
export function readCommandLine(file: BundleFile): Reading<readonly string[]> {
  const text = file.text();
  if (text.includes('\uFFFD')) return notUnderstood('not text');
  const isOfKernel = text.includes('\0');
  const process = isOfKernel ? (text.split('\n').find((line) => line.includes('\0')) ?? '') : text;
  const [program = '', ...rest] = trimmedEnd(process.split(isOfKernel ? '\0' : /\r?\n/));
  return understood([...wordsOf(program), ...rest]);
}

function trimmedEnd(parts: readonly string[]): readonly string[] {
  const end = parts.findLastIndex((part) => part !== '') + 1;
  return parts.slice(0, end);
}
