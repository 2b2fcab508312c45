// What the machine remembers of its labs: one folder each under /run, with the process that holds the lab, the socket
// to ask it and its log. In goes a name, out comes a live lab or nothing. A lab is live when the process of that number
// was started at that time: a number alone may have been given to another program since. What a dead lab left is
// deleted by whoever meets it.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { exchangeFolder, privateFolders } from './holder.ts';
import type { LabOptions } from './planned.ts';

export interface LabState {
  readonly options: LabOptions;
  /** The `unshare` process outside the lab's namespaces; killing it kills everything inside. */
  readonly holderPid: number;
  /** Field 22 of its /proc/PID/stat, in clock ticks since boot. */
  readonly holderStartTime: string;
  readonly createdAt: string;
}

const labsFolder = '/run/waylaid/labs';
/** A socket's path has room for 107 bytes; the folder takes 30 of them. */
const namePattern = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/;

export function checkLabName(name: string): void {
  if (!namePattern.test(name)) {
    throw new Error(`"${name}" is no name for a lab: use up to 40 lower-case letters, digits and dashes`);
  }
}

export const labFolder = (name: string): string => join(labsFolder, name);
export const socketPath = (name: string): string => join(labFolder(name), 'control.sock');
export const logPath = (name: string): string => join(labFolder(name), 'supervisor.log');
const statePath = (name: string): string => join(labFolder(name), 'lab.json');

/**
 * Makes the folder of a new lab, held by this process until the lab has a holder of its own. Throws when a live lab has
 * that name; a dead one's leftovers are deleted. The folder appears under its name with its state already in it, so
 * there is no moment in which somebody else could take it for a dead one's.
 */
export function claimFolder(options: LabOptions): void {
  const { name } = options;
  checkLabName(name);
  if (readState(name) !== undefined) {
    throw new Error(`a lab named ${name} is running; stop it first: waylaid lab down --name ${name}`);
  }
  const draft = join(labsFolder, `.${process.pid}`);
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  for (const folder of [...privateFolders, exchangeFolder]) mkdirSync(join(draft, folder));
  writeFileSync(join(draft, 'lab.json'), formatState(stateHeldBy(options, process.pid)));
  rmSync(labFolder(name), { recursive: true, force: true });
  renameSync(draft, labFolder(name));
}

export function stateHeldBy(options: LabOptions, holderPid: number): LabState {
  const holderStartTime = startTimeOf(holderPid) ?? '';
  return { options, holderPid, holderStartTime, createdAt: new Date().toISOString() };
}

export function writeState(state: LabState): void {
  writeFileSync(statePath(state.options.name), formatState(state));
}

const formatState = (state: LabState): string => `${JSON.stringify(state, undefined, 2)}\n`;

/** The live lab of that name. */
export function readState(name: string): LabState | undefined {
  const state = parseState(statePath(name));
  return state !== undefined && startTimeOf(state.holderPid) === state.holderStartTime ? state : undefined;
}

/** Names of all live labs; the folders of dead ones are deleted. */
export function listLabs(): string[] {
  if (!existsSync(labsFolder)) return [];
  return readdirSync(labsFolder).filter((name) => {
    if (readState(name) !== undefined) return true;
    const draftOf = /^\.(\d+)$/.exec(name)?.[1];
    if (draftOf === undefined || startTimeOf(Number(draftOf)) === undefined) removeFolder(name);
    return false;
  });
}

/** Deletes a lab's folder, and the folders above it when it was the last one. */
export function removeFolder(name: string): void {
  rmSync(labFolder(name), { recursive: true, force: true });
  for (const folder of [labsFolder, dirname(labsFolder)]) {
    try {
      if (readdirSync(folder).length === 0) rmSync(folder, { recursive: true });
    } catch {
      return;
    }
  }
}

/** The start time of a process that exists and is no zombie. */
export function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function parseState(path: string): LabState | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as LabState;
  } catch {
    return undefined;
  }
}
