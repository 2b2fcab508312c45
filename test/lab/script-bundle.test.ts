// A bundle made by the printed shell script alone, run on each machine of a lab and unpacked into one folder, is diagnosed
// as the one that `waylaid collect --lab` writes, redacted as a user's is.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeLab, enterCommand, labObjects, startLab, stopLab, whyNoLab } from '../../lab/client.ts';
import { listLabSources } from '../../src/cli/lab-sources.ts';
import { loadSnapshot } from '../../src/cli/load-snapshot.ts';
import { judgeSnapshot } from '../../src/core/pipeline.ts';
import type { Judgement } from '../../src/core/pipeline.ts';
import { collectBundle } from '../../src/io/collect/collect-bundle.ts';
import { writeCollectorScript } from '../../src/io/collect/collector-script.ts';
import { writeBundle } from '../../src/io/store/write-bundle.ts';
import { buildLabPrograms } from './lab-programs.ts';
import type { BuiltPrograms } from './lab-programs.ts';

const problem = whyNoLab();
const name = `script-${process.pid}`;
let programs: BuiltPrograms | undefined;
let folder = '';

beforeAll(async () => {
  if (problem !== undefined) return;
  programs = await buildLabPrograms();
  folder = mkdtempSync(join(tmpdir(), 'waylaid-script-bundle-'));
});

afterAll(async () => {
  await programs?.remove();
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

/** Everything is unpacked over what is there: the manifest is the last machine's. */
async function collectByScript(target: string, objects: Readonly<Record<string, string>>): Promise<void> {
  mkdirSync(target);
  const lab = await describeLab(name);
  const script = writeCollectorScript('0.0.0');
  for (const machine of lab.machines) {
    const [program = '', ...words] = enterCommand(lab, machine.name);
    const role = machine.kind === 'host' ? ['--host'] : [];
    const options = ['--stdout', '--name', machine.name, ...role];
    const tar = execFileSync(program, [...words, 'sh', '-s', '--', ...options], {
      input: script,
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: 90_000,
    });
    execFileSync('tar', ['-x', '-C', target, '-f', '-'], { input: tar, timeout: 30_000 });
  }
  for (const [path, text] of Object.entries(objects)) {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    writeFileSync(join(target, path), text);
  }
}

/** What a person reads and does; files name pods' namespaces by number where only the script looked. */
function wordsOf({ diagnosis, repairs }: Judgement): unknown {
  return {
    verdict: diagnosis.verdict,
    summary: diagnosis.summary,
    flows: diagnosis.judged.map(({ intent, trace }) => [intent.label, trace.verdict]),
    causes: diagnosis.causes.map(({ code, layer, title, subjects, confidence, breaks, elements }) => [
      ...[code, layer, title, subjects, confidence, breaks],
      elements.map((element) => element.text),
    ]),
    symptoms: diagnosis.symptoms.map(({ kind, subject, explainedBy }) => [kind, subject, explainedBy]),
    unknowns: diagnosis.unknowns.map((unknown) => unknown.question),
    repairs: repairs.map(({ title, commands, simulated }) => [title, commands, simulated]),
  };
}

describe('the shell script on the machines of a lab', () => {
  it('gives the diagnosis that collect gives', async (context) => {
    if (problem !== undefined) return context.skip(problem);
    await startLab({ name, faults: ['table52-cluster-cidr'] });
    try {
      const collected = await collectBundle({
        version: '0.0.0',
        ...(await listLabSources(name)),
        isRedacted: true,
      });
      // The objects change by the second while pods crash, so both bundles hold the same.
      const objects = Object.fromEntries(
        [...collected.files]
          .filter(([path]) => path.startsWith('cluster/'))
          .map(([path, bytes]) => [path, new TextDecoder().decode(bytes)]),
      );
      expect(Object.keys(objects).sort()).toEqual(
        expect.arrayContaining(
          Object.keys(await labObjects(name)).filter((path) => path.includes('resources')),
        ),
      );
      await writeBundle(collected.files, join(folder, 'collected.tar.gz'));
      await collectByScript(join(folder, 'by-script'), objects);
    } finally {
      await stopLab(name);
    }
    const byCollect = judgeSnapshot(await loadSnapshot({ bundle: join(folder, 'collected.tar.gz') }));
    const byScript = judgeSnapshot(await loadSnapshot({ bundle: join(folder, 'by-script') }));
    expect(byCollect.diagnosis.causes.map(({ code, confidence }) => [code, confidence])).toEqual([
      ['tailscale-route-takes-cluster-cidr', 'proven'],
    ]);
    expect(wordsOf(byScript)).toEqual(wordsOf(byCollect));
    return undefined;
  });
});
