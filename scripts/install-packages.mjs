#!/usr/bin/env node
// The Debian packages that the lab and the tests use, each with its reason, and the way to get them. Installs what
// is missing with apt-get as root on Debian or Ubuntu: asks first on a terminal, does not ask when CI is set. In
// every other case it prints the one command and goes on: what needs a missing program is skipped, and says so.
import './node-version.mjs';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { runShown } from './run-program.mjs';

/** `program`: what must be on the PATH (or be the file) for the package to count as there. */
const packages = [
  {
    name: 'iproute2',
    program: 'ip',
    for: 'lab',
    reason: 'makes the namespaces and routes of the lab; oracle of the route tests',
  },
  {
    name: 'iptables',
    program: 'iptables',
    for: 'lab',
    reason: 'writes the masquerade and forward rules of the lab',
  },
  {
    name: 'util-linux',
    program: 'unshare',
    for: 'lab',
    reason: 'unshare and nsenter hold and enter the namespaces of the lab',
  },
  {
    name: 'nftables',
    program: 'nft',
    for: 'test',
    reason: 'is collected from; the lab compares both back ends',
  },
  { name: 'ipset', program: 'ipset', for: 'test', reason: 'is collected from' },
  { name: 'conntrack', program: 'conntrack', for: 'test', reason: 'is collected from' },
  { name: 'procps', program: 'sysctl', for: 'test', reason: 'is collected from; sets forwarding in the lab' },
  { name: 'openssh-client', program: 'ssh', for: 'test', reason: 'collect over SSH uses the system’s ssh' },
  {
    name: 'openssh-server',
    program: 'sshd',
    for: 'test',
    reason: 'answers the system’s ssh in the tests, on loopback',
  },
  {
    name: 'busybox-static',
    program: 'busybox',
    for: 'test',
    reason: 'its sh and ip run the collector script',
  },
  { name: 'dash', program: 'dash', for: 'test', reason: 'a POSIX shell that runs the collector script' },
  { name: 'shellcheck', program: 'shellcheck', for: 'test', reason: 'checks every shell script' },
];

const INSTALL_LIMIT_MS = 600_000;

/** Names of programs that the lab needs and that are not here. */
export function findMissingLabPrograms() {
  return packages
    .filter((entry) => entry.for === 'lab' && !findProgram(entry.program))
    .map((entry) => entry.program);
}

/** Installs what is missing, where that is possible; resolves in any case. */
export async function installPackages(purposes = ['lab', 'test']) {
  const missing = packages.filter((entry) => purposes.includes(entry.for) && !findProgram(entry.program));
  if (missing.length === 0) return;
  const names = missing.map((entry) => entry.name);
  console.error('packages: these are missing here:');
  for (const entry of missing) console.error(`  ${entry.name.padEnd(16)} ${entry.reason}`);
  if (!isDebian()) {
    console.error(
      'packages: install them with this system’s package manager; what needs them is skipped meanwhile.',
    );
    return;
  }
  const command = `apt-get install -y --no-install-recommends ${names.join(' ')}`;
  const isAllowed = process.getuid?.() === 0 && (Boolean(process.env.CI) || (await askPermission(command)));
  if (!isAllowed) {
    console.error(`packages: to have them:  sudo sh -c 'apt-get update && ${command}'`);
    return;
  }
  const environment = { DEBIAN_FRONTEND: 'noninteractive' };
  const options = { timeoutMs: INSTALL_LIMIT_MS, environment };
  await runShown(['apt-get', 'update', '-qq'], options);
  const { exit } = await runShown(['sh', '-c', `${command} -qq >/dev/null`], options);
  if (exit !== 0) console.error('packages: apt-get failed; what needs the missing programs is skipped.');
}

async function askPermission(command) {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`packages: run "${command}" now? [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** /usr/sbin and /sbin are searched too: a user's PATH on Debian leaves them out, and root's tools are there. */
export function findProgram(program) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  return folders.some((folder) => folder !== '' && isExecutable(join(folder, program)));
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isDebian() {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release) && findProgram('apt-get');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await installPackages();
