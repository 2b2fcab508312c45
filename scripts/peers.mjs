// Builds the real counterparts of peers/catalogue.json from Go modules: `npm run peers [NAME…]`.
// In: a Go toolchain, the module proxy or a warm module cache. Out: binaries in the user's cache folder, where the
// lab finds them (peer-folder.mjs). A peer that is built already, or that this machine's Go cannot build, is
// skipped with one line and exit 0: everything works without peers, only with less realism.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findPeersFolder, locatePeerFolder, readCatalogue } from './peer-folder.mjs';

const GO_LINES_SHOWN = 15;
const PROGRESS_EVERY_MS = 20_000;

/** Builds the named peers, or all; resolves with the process's exit code. */
async function buildPeers(names) {
  const peersFolder = findPeersFolder();
  const catalogue = readCatalogue(peersFolder);
  const unknown = names.filter((name) => !catalogue.some((peer) => peer.name === name));
  if (unknown.length > 0) {
    const known = catalogue.map((peer) => peer.name).join(', ');
    console.error(`peers: there is no peer called ${unknown.join(', ')}; the catalogue has ${known}.`);
    return 2;
  }
  let failures = 0;
  for (const peer of catalogue) {
    if (names.length > 0 && !names.includes(peer.name)) continue;
    if (!(await buildPeer(peersFolder, peer))) failures++;
  }
  return failures > 0 ? 1 : 0;
}

async function buildPeer(peersFolder, peer) {
  const title = `${peer.name} ${peer.version}`;
  const folder = locatePeerFolder(peersFolder, peer);
  if (existsSync(folder)) {
    console.log(`peers: ${title} is built (${folder})`);
    return true;
  }
  const module = join(peersFolder, peer.name);
  const obstacle = await findObstacle(module);
  if (obstacle !== undefined) {
    console.log(`peers: ${title} skipped: ${obstacle}`);
    return true;
  }
  const binaries = Object.keys(peer.builds).join(', ');
  console.log(
    `peers: building ${title}: ${binaries} (seconds with warm Go caches, about ten minutes without)`,
  );
  const startedMs = Date.now();
  const parent = dirname(folder);
  await mkdir(parent, { recursive: true });
  await removeAbandonedBuilds(parent);
  const unfinished = join(parent, `.building-${peer.name}-${process.pid}`);
  const log = await runGoBuild(module, peer, join(unfinished, 'bin'));
  if (log !== undefined) {
    await rm(unfinished, { recursive: true, force: true });
    console.error(`peers: ${title} could not be built in ${module}; go's last lines:`);
    console.error(log.map((line) => `  ${line}`).join('\n'));
    return false;
  }
  const stamp = {
    name: peer.name,
    version: peer.version,
    builds: peer.builds,
    builtAt: new Date().toISOString(),
  };
  await writeFile(join(unfinished, 'built.json'), JSON.stringify(stamp, null, 2) + '\n');
  await publish(unfinished, folder);
  console.log(`peers: built ${title} in ${((Date.now() - startedMs) / 1000).toFixed(1)} s (${folder})`);
  return true;
}

/** Why this machine's Go cannot build the module, in words for a person; undefined when it can. */
async function findObstacle(module) {
  const probe = spawnSync('go', ['env', 'GOVERSION'], {
    encoding: 'utf8',
    env: goEnvironment(false),
    cwd: '/',
  });
  if (probe.error || probe.status !== 0) {
    return 'there is no Go on this machine (https://go.dev/dl); the lab sets the same rules and routes by hand.';
  }
  const found = probe.stdout.trim().replace(/^go/, '');
  const needed = /^go ([\d.]+)/m.exec(await readFile(join(module, 'go.mod'), 'utf8'))?.[1] ?? '0';
  return isOlder(found, needed)
    ? `it needs Go ${needed} or newer, and this machine has ${found}.`
    : undefined;
}

function isOlder(found, needed) {
  const parts = (version) => version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const [have, want] = [parts(found), parts(needed)];
  const at = want.findIndex((part, index) => part !== (have[index] ?? 0));
  return at >= 0 && (have[at] ?? 0) < want[at];
}

/** Resolves with undefined on success, else with go's last lines. */
function runGoBuild(module, peer, outputFolder) {
  const argv = ['build', '-v', '-mod=readonly', '-trimpath', '-ldflags', '-s -w', '-o', `${outputFolder}/`];
  const go = spawn('go', [...argv, ...Object.values(peer.builds)], {
    cwd: module,
    env: goEnvironment(peer.cgo),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let lines = 0;
  let tail = '';
  go.stderr.setEncoding('utf8').on('data', (text) => {
    lines += text.split('\n').length - 1;
    tail = (tail + text).slice(-8192);
  });
  const progress = setInterval(
    () => console.log(`peers: … ${lines} packages downloaded or compiled`),
    PROGRESS_EVERY_MS,
  );
  return new Promise((resolve) => {
    const finish = (result) => {
      clearInterval(progress);
      resolve(result);
    };
    go.on('error', (error) => finish([error.message]));
    go.on('close', (status) =>
      finish(status === 0 ? undefined : tail.trimEnd().split('\n').slice(-GO_LINES_SHOWN)),
    );
  });
}

/** GOTOOLCHAIN=local: a build must not fetch another compiler behind the user's back. */
function goEnvironment(cgo) {
  const flags = '-buildvcs=false -mod=readonly';
  return {
    ...process.env,
    CGO_ENABLED: cgo ? '1' : '0',
    GOTOOLCHAIN: 'local',
    GOFLAGS: flags,
    GOWORK: 'off',
  };
}

/** Whoever finishes first wins; the folder's name says what is in it, so a second build of it is the same. */
async function publish(unfinished, folder) {
  try {
    await rename(unfinished, folder);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}

/** A killed build leaves its folder behind; its name ends in the process that made it. */
async function removeAbandonedBuilds(parent) {
  for (const entry of await readdir(parent)) {
    const pid = /^\.building-.*-(\d+)$/.exec(entry)?.[1];
    if (pid !== undefined && !isRunning(Number(pid)))
      await rm(join(parent, entry), { recursive: true, force: true });
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

try {
  process.exitCode = await buildPeers(process.argv.slice(2));
} catch (error) {
  console.error(
    `peers: ${error.message}. Set XDG_CACHE_HOME to a folder that can be written, if that is what fails.`,
  );
  process.exitCode = 1;
}
