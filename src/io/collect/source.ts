// A machine that evidence can be had from: anything that runs a POSIX shell and passes stdin, stdout and stderr through.
// In: what the user typed (`--node n1=admin@10.0.0.7`). Out: the program and arguments that start that shell.
// Over SSH the shell is root's where `sudo -n` allows it; locally nobody is made root who did not ask for it.

export type MachineKind = 'node' | 'host';

export interface ShellRequest {
  /** Plain words only (see `isPlainWord`): they pass through whatever login shell the other side has. */
  readonly scriptArguments: readonly string[];
  readonly timeoutMs: number;
}

export interface MachineSource {
  /** How messages call it: `this machine`, `admin@10.0.0.7`. */
  readonly label: string;
  readonly kind: MachineKind;
  /** Its name in the bundle; without one the machine says its own. */
  readonly name?: string;
  /** What to call it when it never says. */
  readonly fallbackName: string;
  /** True where the machine's clock is this program's, so comparing them says nothing. */
  readonly isLocal: boolean;
  readonly command: (request: ShellRequest) => readonly [string, ...string[]];
}

export function describeLocalMachine(kind: MachineKind, hostName: string): MachineSource {
  return {
    label: 'this machine',
    kind,
    fallbackName: plainName(hostName.toLowerCase()),
    isLocal: true,
    command: ({ scriptArguments }) => ['sh', '-s', '--', ...scriptArguments],
  };
}

export interface EnteredMachine {
  readonly name: string;
  readonly kind: MachineKind;
  /** The program that enters it, with its arguments: `nsenter -t 42 -n -m -p -u --`. */
  readonly enter: readonly [string, ...string[]];
}

/** A machine on this kernel, in namespaces of its own: a node of the lab. */
export function describeEnteredMachine(machine: EnteredMachine): MachineSource {
  return {
    label: machine.name,
    kind: machine.kind,
    name: machine.name,
    fallbackName: machine.name,
    isLocal: true,
    command: ({ scriptArguments }) => [...machine.enter, 'sh', '-s', '--', ...scriptArguments],
  };
}

export interface SshTarget {
  /** As ssh takes it: `host`, `user@host`, `ssh://user@host:port`, or a name of ~/.ssh/config. */
  readonly destination: string;
  readonly name?: string;
}

export type ParsedSshTarget =
  { readonly ok: true; readonly target: SshTarget } | { readonly ok: false; readonly why: string };

/** `user@host` or `NAME=user@host`. */
export function parseSshTarget(text: string): ParsedSshTarget {
  const split = text.indexOf('=');
  const name = split === -1 ? undefined : text.slice(0, split);
  const destination = text.slice(split + 1);
  if (name !== undefined && !isMachineName(name)) {
    return { ok: false, why: `'${name}' cannot be a machine's name: letters, digits, dots and dashes only` };
  }
  // A leading dash would be an option of ssh, which can run programs here.
  if (destination === '' || destination.startsWith('-') || /[\s\p{Cc}]/u.test(destination)) {
    return { ok: false, why: `'${text}' names no machine; write user@host or NAME=user@host` };
  }
  return { ok: true, target: name === undefined ? { destination } : { destination, name } };
}

// Whoever logs in becomes root where sudo asks for no password; else the script says what it could not see. No `!` in
// it: csh would take that for its history even within quotes.
const becomeRoot =
  'if [ "$(id -u)" -gt 0 ] && sudo -n sh -c : </dev/null >/dev/null 2>&1; then exec sudo -n sh -s -- "$@"; fi; exec sh -s -- "$@"';

export function describeSshMachine(
  target: SshTarget,
  kind: MachineKind,
  sshOptions: readonly string[] = [],
): MachineSource {
  return {
    label: target.destination,
    kind,
    ...(target.name === undefined ? {} : { name: target.name }),
    fallbackName: target.name ?? plainName(hostOf(target.destination)),
    isLocal: false,
    command: ({ scriptArguments, timeoutMs }) => [
      'ssh',
      // ssh takes the first value it sees for an option, so the user's come first.
      ...sshOptions.flatMap((option) => ['-o', option]),
      ...['-o', 'BatchMode=yes'],
      ...['-o', `ConnectTimeout=${Math.max(1, Math.min(10, Math.floor(timeoutMs / 3000)))}`],
      ...['-T', '-C', '--', target.destination],
      ['sh', '-c', `'${becomeRoot}'`, 'waylaid', ...scriptArguments].join(' '),
    ],
  };
}

/** A word that no shell changes. */
export function isPlainWord(word: string): boolean {
  return /^[A-Za-z0-9._:/+-]+$/.test(word);
}

function isMachineName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/.test(name);
}

function hostOf(destination: string): string {
  const host = destination.replace(/^ssh:\/\//, '').replace(/^[^@]*@/, '');
  return destination.startsWith('ssh://') ? host.replace(/:\d+$/, '') : host;
}

function plainName(text: string): string {
  const plain = text.replace(/[^A-Za-z0-9._-]/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return plain === '' ? 'unnamed' : plain;
}
