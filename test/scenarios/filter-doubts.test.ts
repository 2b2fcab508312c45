// A packet filter that could drop is not evaluated yet, so it must keep waylaid from calling a cluster healthy, and must
// not keep it from finding what it can prove. Rules of kube-proxy, flannel and tailscaled raise no doubt, nor does a ban on
// a port that no cluster traffic uses.
import { describe, expect, it } from 'vitest';
import { causesOf, judgeFiles, readBundle, textOf, withFile } from './recorded-bundle.ts';
import type { Files } from './recorded-bundle.ts';

const dump = 'nodes/node-2/iptables-save.txt';

function withFilter(files: Files, change: (text: string) => string): Files {
  const before = textOf(files, dump);
  const after = change(before);
  expect(after).not.toBe(before);
  return withFile(files, dump, after);
}

function addRule(rule: string): (text: string) => string {
  return (text) => text.replace(/^(\*filter\n(?::.*\n)+)/m, `$1${rule}\n`);
}

describe('packet filters that nobody evaluates', () => {
  it('leaves a healthy cluster healthy where only its own programs refuse', async () => {
    const { answer } = judgeFiles(await readBundle('healthy'));
    expect(answer.verdict).toBe('healthy');
  });

  it.each([
    ['a policy, as docker sets it', (text: string) => text.replace(/^:FORWARD ACCEPT/m, ':FORWARD DROP')],
    ['a rule of somebody', addRule('-A FORWARD -i eth0 -j DROP')],
    ['a rejection', addRule('-A FORWARD -s 10.0.0.0/8 -j REJECT --reject-with icmp-host-prohibited')],
    ['a port of the overlay', addRule('-A INPUT -p udp -m udp --dport 8472 -j DROP')],
  ])('calls nothing healthy with %s', async (_, change) => {
    const { answer } = judgeFiles(withFilter(await readBundle('healthy'), change));
    expect(answer.verdict).toBe('unknown');
    expect(answer.rootCauses).toEqual([]);
    const doubt = answer.unknowns.find((unknown) => unknown.needs === dump);
    expect(doubt?.question).toContain('not evaluated');
  });

  it('does not mind a ban on a port that pods have nothing to do with', async () => {
    const banned = withFilter(
      await readBundle('healthy'),
      addRule('-A INPUT -p tcp -m tcp --dport 22 -j DROP'),
    );
    expect(judgeFiles(banned).answer.verdict).toBe('healthy');
  });

  it('still proves what it can prove', async () => {
    const files = await readBundle('chapter-17');
    const changed = withFilter(files, (text) => text.replace(/^:FORWARD ACCEPT/m, ':FORWARD DROP'));
    expect(causesOf(judgeFiles(changed).answer)).toEqual(causesOf(judgeFiles(files).answer));
  });
});
