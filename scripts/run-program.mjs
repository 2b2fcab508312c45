// Runs another program, either with its output kept (gates) or straight on the terminal (demonstration). Never
// throws: a program that cannot be started is a result with exit 127. Every run has a time limit.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const KEPT_CHARACTERS = 400_000;
export const projectFolder = fileURLToPath(new URL('..', import.meta.url));

/** Runs to the end and keeps what was printed: on both streams, in order, and on stdout alone. Standard input is empty. */
export function runKept(argv, { timeoutMs, environment = {}, folder = projectFolder }) {
  return new Promise((resolve) => {
    const child = spawn(argv[0], argv.slice(1), {
      cwd: folder,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let stdout = '';
    const keep = (text) => (output = (output + text).slice(-KEPT_CHARACTERS));
    child.stdout.setEncoding('utf8').on('data', (text) => {
      keep(text);
      stdout = (stdout + text).slice(-KEPT_CHARACTERS);
    });
    child.stderr.setEncoding('utf8').on('data', keep);
    settle(child, timeoutMs, (exit, problem) => resolve({ exit, output: output + problem, stdout }));
  });
}

/**
 * Runs to the end on this terminal. With `detached` the program has a process group of its own, so that Ctrl-C,
 * which the terminal sends to the whole foreground group, does not reach it.
 * @param {string[]} argv
 * @param {{ timeoutMs: number, environment?: object, detached?: boolean, onStart?: (child) => void }} options
 * @returns {Promise<{ exit: number }>}
 */
export function runShown(argv, { timeoutMs, environment = {}, detached = false, onStart }) {
  return new Promise((resolve) => {
    const child = spawn(argv[0], argv.slice(1), {
      cwd: projectFolder,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'inherit', 'inherit'],
      detached,
    });
    onStart?.(child);
    settle(child, timeoutMs, (exit, problem) => {
      if (problem !== '') process.stderr.write(problem);
      resolve({ exit });
    });
  });
}

function settle(child, timeoutMs, finish) {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 5000).unref();
  }, timeoutMs);
  child.on('error', (error) => {
    clearTimeout(timer);
    finish(127, `${child.spawnfile}: ${error.message}\n`);
  });
  child.on('close', (code, signal) => {
    clearTimeout(timer);
    const why = isLate ? `stopped after ${timeoutMs / 1000} s` : `ended by ${signal}`;
    finish(code ?? 130, code === null ? `${child.spawnargs.join(' ')}: ${why}\n` : '');
  });
}
