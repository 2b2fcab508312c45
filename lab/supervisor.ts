// The first process inside a lab's namespaces: builds the lab, then answers questions about it until it is killed. In
// comes one line with the options and the folder; out go lines of progress, then `ready`. Until the starter has said
// `keep`, the end of its pipe ends this process, and with it, since it is the first of its pid namespace, everything:
// a starter that was killed half-way leaves nothing behind.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { readLines } from './agent-protocol.ts';
import { buildLab } from './build.ts';
import { serveQuestions } from './control.ts';
import { describeRunningLab, observeWorld, probeFlows } from './answers.ts';
import { exchangeFolder } from './holder.ts';
import { recordObjects } from './objects-files.ts';
import type { LabQuestion } from './control.ts';
import type { RunningLab } from './build.ts';
import type { StartOrder, SupervisorMessage } from './start-protocol.ts';

function say(message: SupervisorMessage): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function build({ options, folder }: StartOrder): Promise<void> {
  const lab = await buildLab(options, folder, (line) => say({ kind: 'progress', line }));
  await serveQuestions(join(folder, 'control.sock'), (question) => answer(lab, question));
  say({ kind: 'ready' });
  lab.kubelets.watch();
}

function answer(lab: RunningLab, question: LabQuestion): unknown {
  switch (question.ask) {
    case 'describe':
      return describeRunningLab(lab);
    case 'probe':
      return probeFlows(lab, question.flows, question.timeoutMs);
    case 'objects':
      return recordObjects(observeWorld(lab));
  }
}

/** Nobody will ask for this lab: its folder goes too. The mounts in it are this namespace's own and go with it. */
function abandon(folder: string | undefined): never {
  if (folder !== undefined) {
    try {
      execFileSync('umount', ['-l', join(folder, exchangeFolder)], { stdio: 'ignore' });
    } catch {
      // It was not mounted yet.
    }
    rmSync(folder, { recursive: true, force: true });
  }
  process.exit(1);
}

function main(): void {
  let folder: string | undefined;
  let isKept = false;
  // The starter may be gone while progress is reported; what that means is decided by the end of the input.
  process.stdout.on('error', () => undefined);
  void readLines(process.stdin, (line) => {
    if (folder !== undefined) {
      isKept = line === 'keep';
      if (isKept) say({ kind: 'kept' });
      return;
    }
    const order = JSON.parse(line) as StartOrder;
    folder = order.folder;
    build(order).catch((error: unknown) => {
      say({ kind: 'failed', line: error instanceof Error ? error.message : String(error) });
      process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    });
  }).then(() => {
    if (!isKept) abandon(folder);
  });
}

main();
