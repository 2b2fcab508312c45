#!/usr/bin/env node
// Records the bundles in test/bundles anew: `node scripts/record-bundles.mjs [NAME…]`, as root. For each of them a lab is
// brought up with its fault, `waylaid collect --lab` writes the bundle as a user would get it, redacted, and the lab goes
// away. Files that tell of the recording machine and not of the lab (its kernel's log, its /etc/sysctl.d) are left out.
import './node-version.mjs';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { projectFolder, runKept } from './run-program.mjs';

/** Bundles that are called as their fault. */
const filterFaults = [
  'docker-forward-drop',
  'docker-beside-flannel',
  'ufw-forward-drop',
  'firewalld-reject',
  'firewalld-trusts-cluster',
  'ts-input-drops-cgnat',
  'kube-proxy-flushed',
  'kube-proxy-stale',
  'masquerade-missing',
  'masquerade-pod-to-pod',
  'policy-with-exception',
  'mark-collision',
  'asymmetric-invalid',
  'lan-sees-pods',
  'bridge-nf-off',
  'conntrack-stale-udp',
  'policy-blocks-dns',
  'mtu-too-large',
  'mtu-icmp-dropped',
  'rp-filter-strict',
  'input-drops-vxlan',
  'nodeport-local-policy',
];

/** By the bundle's name: the fault, and options of the lab. */
const bundles = {
  'chapter-17': ['--fault', 'table52-cluster-cidr'],
  healthy: [],
  'table52-all-nodes': ['--fault', 'table52-all-nodes'],
  'table52-service-cidr-only': ['--fault', 'table52-service-cidr-only'],
  'table52-wider-route-5-nodes': [
    ...['--fault', 'table52-wider-route', '--nodes', '5'],
    ...['--cluster-cidr', '172.20.0.0/16', '--service-cidr', '172.29.4.0/24'],
  ],
  'accept-routes-own-lan': ['--fault', 'accept-routes-own-lan'],
  'other-vpn-takes-cluster-cidr': ['--fault', 'other-vpn-takes-cluster-cidr'],
  'flannel-route-lost': ['--fault', 'flannel-route-lost'],
  'flannel-fdb-wrong': ['--fault', 'flannel-fdb-wrong'],
  'flannel-neighbor-missing': ['--fault', 'flannel-neighbor-missing'],
  'flannel-wrong-interface': ['--fault', 'flannel-wrong-interface'],
  'forwarding-off': ['--fault', 'forwarding-off'],
  'healthy-nftables': ['--proxy', 'nftables'],
  ...Object.fromEntries(filterFaults.map((name) => [name, ['--fault', name]])),
};
/** Recorded a second time from the same lab: what the same commands print without `-j`, and no list of what was asked. */
const textTwin = 'chapter-17-text';
const labName = 'homelab';
const STEP_LIMIT_MS = 180_000;
/** Until the application has crashed often enough for the kubelet to call it a loop. */
const SETTLE_MS = 20_000;

const ofRecordingMachine = [
  /\/journal\/kernel\.log$/,
  /\/sysctl\.d\//,
  /\/firewall\//,
  /^hosts\/[^/]+\/hosts$/,
];

const textCommands = {
  'ip-link': 'ip -d link',
  'ip-addr': 'ip -d addr',
  'ip-rule-4': 'ip -d -4 rule',
  'ip-rule-6': 'ip -d -6 rule',
  'ip-route-4': 'ip -d -4 route show table all',
  'ip-route-6': 'ip -d -6 route show table all',
  'ip-neigh': 'ip neigh',
  'bridge-fdb': 'bridge fdb',
  'bridge-link': 'bridge -d link',
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in bundles));
if (unknown.length > 0) {
  console.error(
    `waylaid: no bundle is called ${unknown.join(', ')}; there are: ${Object.keys(bundles).join(', ')}.`,
  );
  process.exitCode = 2;
} else {
  for (const [name, options] of Object.entries(bundles)) {
    if (wanted.length === 0 || wanted.includes(name)) await recordBundle(name, options);
  }
}

async function recordBundle(name, options) {
  console.log(name);
  const folder = mkdtempSync(join(tmpdir(), 'waylaid-record-'));
  try {
    await waylaid('lab', 'up', '--name', labName, ...options);
    try {
      await setTimeout(SETTLE_MS);
      await waylaid('collect', '--lab', labName, '--output', join(folder, 'bundle'));
      leaveOut(join(folder, 'bundle'));
      await pack(join(folder, 'bundle'), name);
      if (name === 'chapter-17') {
        await replaceByText(join(folder, 'bundle'));
        await pack(join(folder, 'bundle'), textTwin);
      }
    } finally {
      await waylaid('lab', 'down', '--name', labName);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function leaveOut(bundle) {
  const path = join(bundle, 'waylaid.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8'));
  const isLeftOut = (file) => ofRecordingMachine.some((pattern) => pattern.test(file));
  for (const file of listFiles(bundle).filter(isLeftOut)) rmSync(join(bundle, file));
  const items = manifest.items.filter((item) => !isLeftOut(item.path));
  writeFileSync(path, formatManifest({ ...manifest, items }));
}

/** One item a line, as the collector writes it. */
function formatManifest({ items, ...rest }) {
  const head = Object.entries(rest).map(
    ([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)},\n`,
  );
  return `{\n${head.join('')}"items": [\n${items.map((item) => JSON.stringify(item)).join(',\n')}\n]\n}\n`;
}

/** What the lab's machines and pods print without `-j` stands where their JSON stood. */
async function replaceByText(bundle) {
  const lab = JSON.parse(await waylaid('lab', 'status', '--name', labName, '--output', 'json'));
  const machines = lab.machines.map(({ name, kind }) => ({ target: name, folder: `${kind}s/${name}` }));
  const pods = lab.pods.map(({ namespace, name, node }) => ({
    target: `${namespace}/${name}`,
    folder: `nodes/${node}/pods/${namespace}_${name}`,
  }));
  for (const { target, folder } of [...machines, ...pods]) {
    for (const [file, command] of Object.entries(textCommands)) {
      const text = await waylaid('lab', 'exec', '--name', labName, target, '--', ...command.split(' '));
      rmSync(join(bundle, folder, `${file}.json`));
      writeFileSync(join(bundle, folder, `${file}.txt`), text);
    }
  }
  const { collectedAt, cluster } = JSON.parse(readFileSync(join(bundle, 'waylaid.json'), 'utf8'));
  const manifest = { format: 'waylaid-evidence/1', collectedAt, cluster };
  writeFileSync(join(bundle, 'waylaid.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** The same files give the same archive: no times and no owners in it, and gzip keeps no name. */
async function pack(bundle, name) {
  const target = join(projectFolder, 'test/bundles', `${name}.tar.gz`);
  mkdirSync(join(projectFolder, 'test/bundles'), { recursive: true });
  const plain = [
    '--sort=name',
    '--mtime=@0',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--mode=u=rwX,go=rX',
  ];
  await run(['tar', '-C', bundle, ...plain, '-I', 'gzip -9 -n', '-cf', target, '.']);
}

function listFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

function waylaid(...args) {
  return run([process.execPath, join(projectFolder, 'dist/waylaid.js'), ...args]);
}

async function run(argv) {
  const { exit, stdout, output } = await runKept(argv, { timeoutMs: STEP_LIMIT_MS });
  if (exit !== 0) throw new Error(`${argv.join(' ')} ended with exit ${exit}:\n${output}`);
  return stdout;
}
