// Why a machine gave no bundle, as a word of the manifest and one sentence that says what to do.
// In: how its shell ended and what came. Out: nothing where a bundle came, whole or not.
import type { ItemProblem } from '../../core/snapshot/manifest.ts';
import type { MachineBundle } from './bundle-stream.ts';
import type { ShellEnd } from './machine-shell.ts';
import type { MachineSource } from './source.ts';

export interface MachineFailure {
  readonly problem: ItemProblem;
  /** One sentence without the machine's name. */
  readonly detail: string;
}

const sshFailed = 255;

export function explainFailure(
  source: MachineSource,
  end: ShellEnd<MachineBundle>,
  timeoutMs: number,
): MachineFailure | undefined {
  const bundle = end.output;
  if (bundle.manifest !== undefined && bundle.name !== undefined) return undefined;
  if (end.stop === 'timed-out') {
    return { problem: 'timed-out', detail: `did not answer within ${Math.round(timeoutMs / 1000)} s` };
  }
  if (end.stop === 'not-started') return explainMissingProgram(source, end.stderr);
  if (bundle.isFound) {
    return { problem: 'failed', detail: 'its bundle broke off before anything of it could be used' };
  }
  const said = lastLine(end.stderr);
  if (end.exit === sshFailed && !source.isLocal) return explainSsh(said);
  if (end.exit === 0 || said === '') return explainGarbage(bundle.noise, end.exit);
  return { problem: isRefusal(said) ? 'forbidden' : 'failed', detail: `its shell said: ${said}` };
}

function explainMissingProgram(source: MachineSource, message: string): MachineFailure {
  const program = source.isLocal ? 'a shell (sh)' : 'ssh';
  return message.includes('ENOENT')
    ? { problem: 'not-installed', detail: `${program} is not installed here` }
    : { problem: 'failed', detail: `${program} could not be started (${message})` };
}

function explainSsh(said: string): MachineFailure {
  if (/host key verification failed|host identification has changed/i.test(said)) {
    return {
      problem: 'forbidden',
      detail: 'its host key is not known here; log in once by hand, or put it into known_hosts',
    };
  }
  if (isRefusal(said)) return { problem: 'forbidden', detail: `refused the login: ${said}` };
  return { problem: 'unreachable', detail: said === '' ? 'ssh could not connect' : said };
}

function explainGarbage(noise: string, exit: number | undefined): MachineFailure {
  const printed = readable(noise).slice(0, 80);
  const what = printed === '' ? 'printed nothing' : `printed something else: “${printed}”`;
  return {
    problem: 'failed',
    detail: exit === 0 ? `ran no shell script but ${what}` : `its shell ended early and ${what}`,
  };
}

function isRefusal(said: string): boolean {
  return /permission denied|not permitted|access denied|too many authentication failures|authentication failed/i.test(
    said,
  );
}

function lastLine(text: string): string {
  const lines = text
    .split('\n')
    .map(readable)
    .filter((line) => line !== '');
  return (lines.at(-1) ?? '').slice(0, 300);
}

function readable(text: string): string {
  return text.replace(/[\p{Cc}\uFFFD]+/gu, ' ').trim();
}
