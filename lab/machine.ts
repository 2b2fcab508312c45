// A machine of the lab as the code that sets it up sees it: a node, a host outside the cluster, or the LAN itself. In
// goes the process that holds its namespaces, out come two ways to run commands inside. The pid is valid in the pid
// namespace of the supervisor only; what the outside needs for nsenter is in the description that the client gives.
import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

export interface RunOptions {
  /** Written to the command's standard input, which is closed after it; without it the input is empty. */
  readonly input?: string;
  /** After this the command is killed and the result says so. Default 20 seconds. */
  readonly timeoutMs?: number;
  /** Added to the environment of the supervisor. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface RunResult {
  /** -1 when it was killed or could not be started. */
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly hasTimedOut: boolean;
}

/** A program that goes on running inside a machine. It dies with the machine, if nobody stops it before. */
export interface LabProcess {
  readonly output: Readable;
  readonly input: Writable;
  /** Everything that it wrote to standard error up to now, the newest 64 KiB of it. */
  readonly errorText: () => string;
  readonly exited: Promise<number>;
}

export interface LabMachine {
  readonly name: string;
  readonly kind: 'node' | 'host' | 'lan';
  /** In the supervisor's pid namespace. */
  readonly pid: number;
  /** The address on the LAN that others use; the LAN machine has the bridge's. */
  readonly lanAddress: string;
  /** Runs to the end. A failing command is a result, never an exception. */
  readonly run: (argv: readonly string[], options?: RunOptions) => Promise<RunResult>;
  /** Starts and leaves it running. Absolute paths only: the working directory inside is `/`. */
  readonly start: (argv: readonly string[], environment?: Readonly<Record<string, string>>) => LabProcess;
}

export interface MachineIdentity {
  readonly name: string;
  readonly kind: LabMachine['kind'];
  readonly pid: number;
  readonly lanAddress: string;
}

const defaultTimeoutMs = 20_000;
const keptErrorBytes = 65_536;

/** A machine whose network, mount, pid and host name namespaces are those of `identity.pid`. */
export function openMachine(identity: MachineIdentity): LabMachine {
  const enter = ['nsenter', '-t', String(identity.pid), '-n', '-m', '-p', '-u', '--'];
  return {
    ...identity,
    run: (argv, options) => runCommand([...enter, ...argv], options),
    start: (argv, environment) => startCommand([...enter, ...argv], environment),
  };
}

/** The LAN: the supervisor's own namespaces, so nothing has to be entered. */
export function openLan(lanAddress: string): LabMachine {
  return {
    name: 'lan',
    kind: 'lan',
    pid: process.pid,
    lanAddress,
    run: runCommand,
    start: startCommand,
  };
}

export function runCommand(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve) => {
    const [program = '', ...rest] = argv;
    const child = spawn(program, rest, { env: { ...process.env, ...options.environment } });
    let stdout = '';
    let stderr = '';
    let hasTimedOut = false;
    const timer = setTimeout(() => {
      hasTimedOut = true;
      child.kill('SIGKILL');
    }, options.timeoutMs ?? defaultTimeoutMs);
    const finish = (exit: number): void => {
      clearTimeout(timer);
      resolve({ exit, stdout, stderr, hasTimedOut });
    };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', (error) => {
      stderr += error.message;
      finish(-1);
    });
    child.on('close', (code) => finish(code ?? -1));
    // A command that ends without reading its input would raise EPIPE here, which says nothing about the command.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}

function startCommand(argv: readonly string[], environment?: Readonly<Record<string, string>>): LabProcess {
  const [program = '', ...rest] = argv;
  const child = spawn(program, rest, { env: { ...process.env, ...environment } });
  let errorText = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errorText = (errorText + text).slice(-keptErrorBytes);
  });
  child.stdin.on('error', () => undefined);
  const exited = new Promise<number>((resolve) => {
    child.on('error', (error) => {
      errorText += error.message;
      resolve(-1);
    });
    child.on('exit', (code) => resolve(code ?? -1));
  });
  return { output: child.stdout, input: child.stdin, errorText: () => errorText, exited };
}

/** The result's output, or an error of one sentence that says what was tried where and what it answered. */
export function expectSuccess(result: RunResult, what: string): string {
  if (result.exit === 0) return result.stdout;
  const answer = result.hasTimedOut
    ? 'it did not end in time'
    : result.stderr.trim().split('\n').slice(-3).join('; ');
  throw new Error(`${what} failed (exit ${result.exit}): ${answer}`);
}
