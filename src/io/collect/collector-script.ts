// The collector's shell script as it is sent to machines and printed by `waylaid collect --script`, and its arguments.
import script from './collect.sh';
import { isPlainWord } from './source.ts';
import type { MachineSource } from './source.ts';

/** The script, signed with this program's version (`collectedBy` in the manifest). */
export function writeCollectorScript(version: string): string {
  return script.replace("collected_by='waylaid collect.sh'", `collected_by='waylaid ${version} collect.sh'`);
}

export interface ScriptRun {
  readonly marker: string;
  readonly timeoutMs: number;
  readonly startedAt: Date;
  readonly maxPods?: number;
}

/**
 * The script's own limits end before the caller's: a machine on which something hangs still sends what it has. The last
 * command may begin just before the deadline, and packing takes a moment.
 */
export function listScriptArguments(source: MachineSource, run: ScriptRun): string[] {
  const totalS = Math.max(3, Math.floor(run.timeoutMs / 1000));
  const commandS = Math.max(1, Math.min(10, Math.floor(totalS / 6)));
  const words = ['--stdout', '--marker', run.marker];
  words.push('--timeout', String(commandS), '--deadline', String(Math.max(1, totalS - commandS - 2)));
  if (!source.isLocal) words.push('--collector-time', run.startedAt.toISOString());
  if (source.kind === 'host') words.push('--host');
  if (source.name !== undefined) words.push('--name', source.name);
  if (run.maxPods !== undefined) words.push('--max-pods', String(run.maxPods));
  const odd = words.find((word) => !isPlainWord(word));
  if (odd !== undefined) throw new RangeError(`'${odd}' cannot be passed to a shell elsewhere.`);
  return words;
}
