import { describe, expect, it } from 'vitest';
import { writeCollectorScript, listScriptArguments } from './collector-script.ts';
import { describeLocalMachine, describeSshMachine, parseSshTarget } from './source.ts';

describe('parseSshTarget', () => {
  it.each([
    ['admin@10.0.0.7', { destination: 'admin@10.0.0.7' }],
    ['n1=admin@10.0.0.7', { destination: 'admin@10.0.0.7', name: 'n1' }],
    ['ssh://admin@pi:2222', { destination: 'ssh://admin@pi:2222' }],
  ])('reads %s', (text, target) => {
    expect(parseSshTarget(text)).toEqual({ ok: true, target });
  });

  it.each(['', '-oProxyCommand=touch', 'n1=-l', '../x=host', 'n1=', 'a b', 'host\nother'])(
    'refuses %j',
    (text) => {
      expect(parseSshTarget(text)).toMatchObject({ ok: false });
    },
  );
});

describe('describeSshMachine', () => {
  const request = { scriptArguments: ['--stdout', '--marker', 'm1'], timeoutMs: 60_000 };

  it('puts the user’s options before its own, and the destination behind --', () => {
    const argv = describeSshMachine({ destination: 'n1' }, 'node', ['ConnectTimeout=3']).command(request);
    expect(argv.slice(0, 9)).toEqual([
      ...['ssh', '-o', 'ConnectTimeout=3', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10', '-T', '-C'],
    ]);
    expect(argv.slice(9, 11)).toEqual(['--', 'n1']);
    expect(argv.at(-1)).toMatch(/^sh -c '[^'!]+' waylaid --stdout --marker m1$/);
  });

  it.each([
    ['admin@node-1.lan', 'node-1.lan'],
    ['ssh://admin@pi:2222', 'pi'],
    ['fd00::7', 'fd00--7'],
  ])('calls %s %s when it never says its name', (destination, name) => {
    expect(describeSshMachine({ destination }, 'node').fallbackName).toBe(name);
  });
});

describe('listScriptArguments', () => {
  const source = describeLocalMachine('node', 'Laptop');
  const run = { marker: 'm1', timeoutMs: 60_000, startedAt: new Date(0) };

  it('lets the script end before the caller’s patience does', () => {
    for (const timeoutMs of [4000, 10_000, 60_000, 300_000]) {
      const words = listScriptArguments(source, { ...run, timeoutMs });
      const value = (name: string): number => Number(words[words.indexOf(name) + 1]);
      expect(value('--deadline') + value('--timeout')).toBeLessThan(timeoutMs / 1000);
    }
  });

  it('compares the clocks of different machines only', () => {
    expect(listScriptArguments(source, run)).not.toContain('--collector-time');
    const remote = describeSshMachine({ destination: 'n1', name: 'n1' }, 'host');
    expect(listScriptArguments(remote, run).join(' ')).toContain(
      '--collector-time 1970-01-01T00:00:00.000Z --host --name n1',
    );
  });

  it('passes nothing that a shell would change', () => {
    expect(() => listScriptArguments({ ...source, name: 'a;b' }, run)).toThrow(RangeError);
  });
});

it('signs the script with the version', () => {
  expect(writeCollectorScript('1.2.3')).toContain("collected_by='waylaid 1.2.3 collect.sh'");
});
