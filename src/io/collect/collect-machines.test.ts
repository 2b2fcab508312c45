import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { collectMachines } from './collect-machines.ts';
import type { MachineSource } from './source.ts';

/** A machine whose shell is this shell text; "$3" is the marker. */
function machine(label: string, shell: string, isLocal = true): MachineSource {
  return {
    label,
    kind: 'node',
    name: label,
    fallbackName: label,
    isLocal,
    command: ({ scriptArguments }) => ['sh', '-c', shell, 'sh', ...scriptArguments],
  };
}

const item = (name: string, file: string): string => `{\\"path\\":\\"nodes/${name}/${file}\\",\\"exit\\":0}`;

/** Sends a bundle of two files and lists three, or what `cut` leaves of it. */
function sender(name: string, cut = 'cat'): string {
  return `cat >/dev/null; set -e; d=$(mktemp -d); trap 'rm -rf $d' EXIT; cd $d; mkdir -p nodes/${name}
    printf '{"format":"waylaid-evidence/1","items":[%s,%s]}' "${item(name, 'hosts')}" "${item(name, 'resolv.conf')}" >waylaid.json
    echo a >nodes/${name}/hosts; echo b >nodes/${name}/resolv.conf
    echo "Welcome to ${name}"; echo "$3"
    tar cf - waylaid.json nodes/${name}/hosts nodes/${name}/resolv.conf | ${cut}`;
}

const options = { version: '0', timeoutMs: 4000 };

describe('collectMachines', () => {
  it('loses a machine’s own facts only, whatever it does', async () => {
    const results = await collectMachines(
      [
        machine('good', sender('good')),
        machine('hanging', 'sleep 600'),
        machine('garbage', 'cat >/dev/null; echo "this is not a bundle"'),
        machine('denied', 'echo "admin@denied: Permission denied (publickey)." >&2; exit 255', false),
        machine('gone', 'echo "ssh: connect to host gone port 22: Connection refused" >&2; exit 255', false),
        machine('crashing', 'kill -9 $$'),
        machine('half', sender('half', 'head -c 2300')),
        machine('torn', sender('torn', 'head -c 700')),
        machine('other', sender('other').replaceAll('nodes/other', 'hosts/other')),
      ],
      options,
    );
    const outcome = results.map(({ name, files, failure }) => [name, files.size, failure?.problem]);
    expect(outcome).toEqual([
      ['good', 2, undefined],
      ['hanging', 0, 'timed-out'],
      ['garbage', 0, 'failed'],
      ['denied', 0, 'forbidden'],
      ['gone', 0, 'unreachable'],
      ['crashing', 0, 'failed'],
      ['half', 1, 'truncated'],
      ['torn', 0, 'failed'],
      ['other', 0, 'failed'],
    ]);
    const half = results[6]!;
    expect(half.items.map(({ path, problem }) => [path, problem])).toEqual([
      ['nodes/half/hosts', undefined],
      ['nodes/half/resolv.conf', 'truncated'],
    ]);
    expect(results[1]!.items).toEqual([
      { path: 'nodes/hanging/', problem: 'timed-out', detail: 'did not answer within 4 s' },
    ]);
    expect(results[2]!.failure!.detail).toContain('this is not a bundle');
  });

  it('takes what was sent although something behind it holds the output open', async () => {
    const [result] = await collectMachines([machine('slow', `${sender('slow')}; sleep 600 &`)], options);
    expect(result!.files.size).toBe(2);
  });

  it('says when there is no program to reach a machine with', async () => {
    const source = { ...machine('n1', '', false), command: (): [string] => ['/nonexistent/ssh'] };
    const [result] = await collectMachines([source], options);
    expect(result!.failure).toEqual({ problem: 'not-installed', detail: 'ssh is not installed here' });
  });

  it('asks no more machines at a time than allowed', async () => {
    let running = 0;
    let most = 0;
    const names = ['a', 'b', 'c', 'd', 'e'];
    await collectMachines(
      names.map((name) => machine(name, sender(name))),
      {
        ...options,
        concurrency: 2,
        onProgress: ({ state }) => {
          running += state === 'started' ? 1 : -1;
          most = Math.max(most, running);
        },
      },
    );
    expect(most).toBe(2);
  });

  it('stops every shell when the user gives up', async () => {
    const controller = new AbortController();
    const started = collectMachines([machine('a', 'exec sleep 600'), machine('b', 'sleep 600')], {
      version: '0',
      concurrency: 1,
      signal: controller.signal,
    });
    await sleep(200);
    controller.abort();
    await expect(started).rejects.toThrow(/aborted/i);
  });
});
