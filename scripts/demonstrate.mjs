// The demonstration behind `npm start`: a cluster in network namespaces whose table 52 takes its pod traffic; the
// cause is found, fixed, and the same flows arrive. Without root, or where namespaces cannot be made, the recorded
// bundle of the same lab is diagnosed instead. The lab is taken down in every case, Ctrl-C included.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { findMissingLabPrograms, installPackages } from './install-packages.mjs';
import { projectFolder, runKept, runShown } from './run-program.mjs';

const FAULT = 'table52-cluster-cidr';
const STEP_LIMIT_MS = 180_000;
/** A pod that crashed while its database was out of reach is started again after a back-off of up to 40 seconds. */
const RECOVERY_PROBES = 30;
const PAUSE_MS = 2_000;
const RECORDED = ['test/bundles/chapter-17', 'test/bundles/chapter-17.tar.gz'];
const FOUND_CAUSE = 1;
const SOME_LOST = 1;
const ALL_ARRIVES = 0;

let isInterrupted = false;
let running;

/** Resolves with the exit code: 0 when the demonstration showed what it should. */
export async function demonstrate() {
  if (process.platform === 'linux' && process.getuid() === 0) await installPackages(['lab']);
  const obstacle = findObstacle();
  if (obstacle !== undefined) return diagnoseRecorded(obstacle);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, interrupt);
  return demonstrateInLab();
}

function findObstacle() {
  if (process.platform !== 'linux') return 'the lab is made of Linux network namespaces';
  if (process.getuid() !== 0) return 'the lab needs root (sudo npm start)';
  const missing = findMissingLabPrograms();
  return missing.length > 0 ? `the lab needs ${missing.join(', ')}` : undefined;
}

async function demonstrateInLab() {
  const name = await chooseName();
  heading('1  A cluster of three nodes in network namespaces, with a fault');
  const up = await runCommand(['lab', 'up', '--name', name, '--fault', FAULT]);
  if (up !== 0) {
    await takeLabDown(name);
    return isInterrupted ? 130 : diagnoseRecorded('the lab could not be brought up here (see above)');
  }
  try {
    return await findFixVerify(name);
  } finally {
    heading('6  The lab goes away');
    await takeLabDown(name);
  }
}

async function findFixVerify(name) {
  heading('2  Real packets: every pod and machine to every pod, Service and machine');
  if (!(await expectPackets(SOME_LOST, name, 1))) return failure();
  heading('3  What is wrong with it?');
  if (!(await expectExit(FOUND_CAUSE, ['diagnose', '--lab', name]))) return failure();
  heading('4  Fix it: tried on the model first, then applied');
  if (!(await expectExit(0, ['fix', '--lab', name]))) return failure();
  heading('5  And now? Real packets again, and evidence collected and judged again');
  if (!(await expectPackets(ALL_ARRIVES, name, RECOVERY_PROBES))) return failure();
  if (!(await expectExit(ALL_ARRIVES, ['diagnose', '--lab', name]))) return failure();
  return 0;
}

/** A lab that somebody else runs is left alone. */
async function chooseName() {
  const argv = [process.execPath, 'dist/waylaid.js', 'lab', 'list', '-o', 'json'];
  const { exit, stdout } = await runKept(argv, { timeoutMs: STEP_LIMIT_MS });
  const isTaken = exit === 0 && JSON.parse(stdout).labs.includes('demo');
  return isTaken ? `demo-${process.pid}` : 'demo';
}

async function diagnoseRecorded(reason) {
  const bundle = RECORDED.find((path) => existsSync(join(projectFolder, path)));
  console.log(`waylaid: ${reason}; here is the recorded bundle of exactly that lab.`);
  heading('What is wrong with this cluster?');
  return (await expectExit(FOUND_CAUSE, ['diagnose', '--bundle', bundle ?? RECORDED[0]])) ? 0 : failure();
}

/** Sends the packets again while a crashed pod waits for its restart; shows the summary of the last round. */
async function expectPackets(wanted, name, rounds) {
  const args = ['lab', 'probe', '--name', name];
  console.log(`$ waylaid ${args.join(' ')}`);
  for (let round = 1; !isInterrupted; round++) {
    const argv = [process.execPath, 'dist/waylaid.js', ...args];
    const { exit, stdout, output } = await runKept(argv, { timeoutMs: STEP_LIMIT_MS });
    if (exit === wanted || round === rounds) {
      console.log(stdout.trimEnd().split('\n').at(-1));
      if (exit !== wanted) console.error(`waylaid: after ${round} rounds still: ${output.trimEnd()}`);
      return exit === wanted;
    }
    await setTimeout(PAUSE_MS);
  }
  return false;
}

async function expectExit(wanted, args) {
  const exit = await runCommand(args);
  if (exit === wanted || isInterrupted) return exit === wanted;
  console.error(`waylaid: "waylaid ${args.join(' ')}" ended with exit ${exit} where ${wanted} was expected.`);
  return false;
}

function failure() {
  return isInterrupted ? 130 : 1;
}

/** Prints the command as a person would type it, then runs it. After an interruption nothing starts any more. */
async function runCommand(args) {
  if (isInterrupted) return 130;
  console.log(`$ waylaid ${args.join(' ')}`);
  return runWaylaid(args, (child) => (running = child));
}

/** Detached: a second Ctrl-C must not stop the cleaning up. */
async function takeLabDown(name) {
  await runWaylaid(['lab', 'down', '--name', name], () => (running = undefined), true);
}

async function runWaylaid(args, onStart, detached = false) {
  const argv = [process.execPath, 'dist/waylaid.js', ...args];
  return (await runShown(argv, { timeoutMs: STEP_LIMIT_MS, onStart, detached })).exit;
}

/** Ctrl-C reaches the running step through the terminal; every other way of stopping is passed on to it. */
function interrupt(signal) {
  isInterrupted = true;
  if (signal !== 'SIGINT' || !process.stdin.isTTY) running?.kill(signal);
}

function heading(text) {
  console.log(`\n━━ ${text}\n`);
}
