// Applies repairs in a lab, where nothing real can be cut off. In: an answer, the repairs to choose from, and the lab. Out:
// the commands as they run, and an exit code. One immediate repair for each cause: what lasts past a reboot writes files,
// and a lab's machines share the file system of this one.
import { setTimeout } from 'node:timers/promises';
import type { Answer, AnswerCommand, AnswerRepair } from '../core/report/answer.ts';
import { formatArgv } from '../core/report/text/shell-words.ts';
import { describeLab, execInLab } from '../../lab/client.ts';
import { labNameOf } from './evidence-options.ts';
import { exitCodes, exitCodeOfAnswer } from './exit-code.ts';
import type { ExitCode } from './exit-code.ts';
import { Failure } from './failure.ts';
import { printMeasured } from './measure-lab.ts';
import { describeNothing } from './print-repairs.ts';
import { showProgress } from './progress.ts';
import { describeProof } from '../core/report/text/render-repairs.ts';

export async function applyInLab(
  answer: Answer,
  repairs: readonly AnswerRepair[],
  lab: string | true,
): Promise<ExitCode> {
  const chosen = chooseImmediate(answer, repairs);
  if (chosen.length === 0) {
    process.stdout.write(`${describeNothing(answer)}\n`);
    return exitCodeOfAnswer(answer.verdict);
  }
  for (const repair of chosen) await applyRepair(repair, labNameOf(lab));
  return verify(lab);
}

/** Until the applications have noticed: a container in back-off is started again only after a while. */
const recoveryMs = 40_000;
const pauseMs = 500;

async function verify(lab: string | true): Promise<ExitCode> {
  const progress = showProgress(process.stderr);
  const waiting = await waitForPods(labNameOf(lab), progress.report);
  progress.stop();
  await printMeasured(lab);
  const again = lab === true ? '--lab' : `--lab ${lab}`;
  const state = waiting.length === 0 ? 'every pod is ready' : `not ready yet: ${waiting.join(', ')}`;
  process.stdout.write(`applied        ${state}; see for yourself: waylaid diagnose ${again}\n`);
  return waiting.length === 0 ? exitCodes.fine : exitCodes.found;
}

/** The pods that are not ready when time is up. */
async function waitForPods(lab: string, report: (line: string) => void): Promise<readonly string[]> {
  const end = Date.now() + recoveryMs;
  for (;;) {
    const { pods } = await describeLab(lab);
    const waiting = pods.filter((pod) => !pod.isReady).map((pod) => `${pod.namespace}/${pod.name}`);
    if (waiting.length === 0 || Date.now() > end) return waiting;
    report(`waiting for ${waiting.join(', ')}`);
    await setTimeout(pauseMs);
  }
}

/** Of each cause the first that acts at once and breaks nothing in the model. */
function chooseImmediate(answer: Answer, repairs: readonly AnswerRepair[]): readonly AnswerRepair[] {
  const usable = repairs.filter((repair) => repair.kind === 'immediate' && repair.simulated.breaks === 0);
  const chosen = answer.rootCauses.flatMap(
    (cause) => usable.find((repair) => repair.for.includes(cause.id)) ?? [],
  );
  return [...new Set(chosen)];
}

async function applyRepair(repair: AnswerRepair, lab: string): Promise<void> {
  process.stdout.write(`${repair.id}  ${repair.title} (${describeProof(repair)})\n`);
  const done: AnswerCommand[] = [];
  for (const command of repair.commands) {
    process.stdout.write(`      ${command.on}: ${formatArgv(command.argv)}\n`);
    await runInLab(repair, command, { lab, done });
    done.push(command);
  }
}

interface Progress {
  readonly lab: string;
  readonly done: readonly AnswerCommand[];
}

async function runInLab(repair: AnswerRepair, command: AnswerCommand, progress: Progress): Promise<void> {
  const target = command.on.slice(command.on.lastIndexOf('/') + 1);
  const options = command.stdin === undefined ? {} : { input: command.stdin };
  const result = await execInLab(progress.lab, target, command.argv, options);
  if (result.exit === 0) return;
  const why = result.hasTimedOut ? 'it did not end in time' : result.stderr.trim().split('\n').at(-1);
  const undo =
    progress.done.length === 0
      ? 'Nothing was changed by this repair'
      : `${progress.done.length} of its commands ran; to undo: ${repair.undo.map((one) => `${one.on}: ${formatArgv(one.argv)}`).join('; ')}`;
  throw new Failure(
    `${command.on}: ${formatArgv(command.argv)} failed (exit ${result.exit}): ${why ?? ''}. ${undo}.`,
  );
}
