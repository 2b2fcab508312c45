// Runs one shell (here, over ssh, in a namespace) with a script on its stdin, until it ends, its time is over, it has
// printed too much, or the user gives up. In: the argv and a consumer of its stdout. Out: how it ended; never an
// exception for anything the child does. The child leads a process group, so that all it started stops with it.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';

export interface ShellRun<T> {
  readonly argv: readonly [string, ...string[]];
  readonly input: string;
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
  readonly signal?: AbortSignal;
  readonly consume: (chunks: AsyncIterable<Uint8Array>) => Promise<T>;
}

export type ShellStop = 'exited' | 'timed-out' | 'aborted' | 'too-large' | 'not-started';

export interface ShellEnd<T> {
  readonly stop: ShellStop;
  /** Absent when a signal ended it or it never ran. */
  readonly exit?: number;
  /** The newest of what it wrote to stderr. */
  readonly stderr: string;
  readonly output: T;
}

const keptStderrCharacters = 8192;
const graceMs = 3000;

export async function runShell<T>(run: ShellRun<T>): Promise<ShellEnd<T>> {
  const [program, ...rest] = run.argv;
  const child = spawn(program, rest, { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  const state: RunState = { stop: 'exited', stderr: '', isOver: false };
  const closed = watchChild(child, state);
  // A shell that ends without reading its script raises EPIPE here; its exit says more.
  child.stdin.on('error', () => undefined);
  child.stdin.end(run.input);
  const stopFor = (stop: ShellStop): void => {
    if (state.isOver || state.stop !== 'exited') return;
    state.stop = stop;
    stopGroup(child, state);
  };
  const timer = setTimeout(() => stopFor('timed-out'), run.timeoutMs);
  const onAbort = (): void => stopFor('aborted');
  run.signal?.addEventListener('abort', onAbort, { once: true });
  if (run.signal?.aborted === true) onAbort();
  try {
    const output = await run.consume(
      readAtMost(child.stdout, run.maxOutputBytes, () => stopFor('too-large')),
    );
    // All that was wanted has been read; a shell that lingers for no reason is not waited for until its time is over.
    state.lingerTimer = setTimeout(() => stopGroup(child, state), graceMs);
    const exit = await closed;
    return { stop: state.stop, stderr: state.stderr, output, ...(exit === undefined ? {} : { exit }) };
  } finally {
    state.isOver = true;
    clearTimeout(timer);
    clearTimeout(state.killTimer);
    clearTimeout(state.lingerTimer);
    run.signal?.removeEventListener('abort', onAbort);
  }
}

interface RunState {
  stop: ShellStop;
  stderr: string;
  isOver: boolean;
  killTimer?: NodeJS.Timeout;
  lingerTimer?: NodeJS.Timeout;
}

function watchChild(child: ChildProcess, state: RunState): Promise<number | undefined> {
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    state.stderr = (state.stderr + text).slice(-keptStderrCharacters);
  });
  return new Promise((resolve) => {
    child.on('error', (error) => {
      state.stop = 'not-started';
      state.stderr = error.message;
      closeOutput(child);
      resolve(undefined);
    });
    // What it left behind may keep its output open for ever; whatever was written before can still be read.
    child.on('exit', () => (state.killTimer ??= setTimeout(() => killGroup(child), graceMs)));
    child.on('close', (code) => resolve(code ?? undefined));
  });
}

/** TERM lets the script remove its temporary files; KILL follows for whatever does not listen. */
function stopGroup(child: ChildProcess, state: RunState): void {
  signalGroup(child, 'SIGTERM');
  clearTimeout(state.killTimer);
  state.killTimer = setTimeout(() => killGroup(child), graceMs);
}

function killGroup(child: ChildProcess): void {
  signalGroup(child, 'SIGKILL');
  closeOutput(child);
}

function closeOutput(child: ChildProcess): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone already.
  }
}

/** The stream's chunks; an early end (the child was stopped) is an end like any other. */
async function* readAtMost(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number,
  onTooMuch: () => void,
): AsyncGenerator<Uint8Array> {
  let seenBytes = 0;
  try {
    for await (const chunk of stream) {
      seenBytes += chunk.length;
      if (seenBytes > maxBytes) {
        onTooMuch();
        return;
      }
      yield chunk;
    }
  } catch (error) {
    if (!isEarlyClose(error)) throw error;
  }
}

function isEarlyClose(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}
