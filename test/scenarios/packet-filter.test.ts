// What somebody adds to a node's packet filter is followed like everything else: it is named where packets that should
// arrive die of it, and said nothing about where none does. A filter that cannot be read keeps waylaid from calling a
// cluster healthy, and does not keep it from finding what it can prove.
import { describe, expect, it } from 'vitest';
import { causesOf, judgeFiles, readBundle, textOf, withFile, withoutFiles } from './recorded-bundle.ts';
import type { Files } from './recorded-bundle.ts';

/** The host's default is the nf_tables back end, so that both files hold the same dump. */
const dumps = ['nodes/node-2/iptables-save.txt', 'nodes/node-2/iptables-nft-save.txt'];

function withFilter(files: Files, change: (text: string) => string): Files {
  return dumps.reduce((sofar, path) => {
    const before = textOf(sofar, path);
    const after = change(before);
    expect(after).not.toBe(before);
    return withFile(sofar, path, after);
  }, files);
}

function addRule(rule: string): (text: string) => string {
  return (text) => text.replace(/^(\*filter\n(?::.*\n)+)/m, `$1${rule}\n`);
}

describe('packet filters', () => {
  it('leaves a healthy cluster healthy where only its own programs refuse', async () => {
    const { answer } = judgeFiles(await readBundle('healthy'));
    expect(answer.verdict).toBe('healthy');
  });

  it.each([
    [
      'a rejection of what pods send',
      '-A FORWARD -s 10.42.1.0/24 ! -o cni0 -j REJECT --reject-with icmp-host-prohibited',
    ],
    ['a ban on the port of the overlay', '-A INPUT -p udp -m udp --dport 8472 -j DROP'],
  ])('names %s on the one node that has it', async (_, rule) => {
    const { answer } = judgeFiles(withFilter(await readBundle('healthy'), addRule(rule)));
    expect(answer.verdict).toBe('broken');
    expect(answer.rootCauses.map(({ layer, subjects }) => ({ layer, first: subjects[0] }))).toEqual([
      { layer: 'netfilter', first: 'node/node-2' },
    ]);
    expect(JSON.stringify(answer.rootCauses[0]?.evidence)).toContain(rule.slice(3));
  });

  it('finds a DROP policy harmless where flannel lets its own packets pass before it', async () => {
    const changed = withFilter(await readBundle('healthy'), (text) =>
      text.replace(/(\*filter\n(?::.*\n)*?):FORWARD ACCEPT/, '$1:FORWARD DROP'),
    );
    const { answer } = judgeFiles(changed);
    expect(answer.rootCauses).toEqual([]);
    expect(answer.verdict).toBe('healthy');
  });

  it('follows the answer too: what the host asks for its pods comes back by the device that is barred', async () => {
    const rule = '-A FORWARD -i eth0 -o cni0 -j DROP';
    const { answer } = judgeFiles(withFilter(await readBundle('healthy'), addRule(rule)));
    expect(answer.rootCauses.map((cause) => cause.breaks.intents)).toEqual([
      ['default/web-node-2 → the API server'],
    ]);
  });

  it('opens the table whose policy drops, and takes flannel to answer for no other', async () => {
    const changed = withFilter(await readBundle('healthy'), (text) =>
      text.replace(/(\*mangle\n(?::.*\n)*?):FORWARD ACCEPT/, '$1:FORWARD DROP'),
    );
    const { answer } = judgeFiles(changed);
    expect(answer.rootCauses.map(({ subjects }) => subjects)).toEqual([['node/node-2']]);
    expect(JSON.stringify(answer.repairs[0]?.commands)).toContain('mangle');
    expect(JSON.stringify(answer.repairs[0]?.changes)).not.toContain('rewrite-filter');
  });

  it('calls nothing healthy where a dump mentions a table that it does not show', async () => {
    const remark = "# Table `filter' is incompatible, use 'nft' tool.\n";
    const changed = withFilter(await readBundle('healthy'), (text) => `${remark}${text}`);
    const { answer } = judgeFiles(withoutFiles(changed, (path) => /node-2\/nft\.(json|txt)$/.test(path)));
    expect(answer.verdict).toBe('unknown');
    expect(answer.rootCauses).toEqual([]);
  });

  it('does not mind a ban on a port that pods have nothing to do with', async () => {
    const banned = withFilter(
      await readBundle('healthy'),
      addRule('-A INPUT -p tcp -m tcp --dport 22 -j DROP'),
    );
    expect(judgeFiles(banned).answer.verdict).toBe('healthy');
  });

  it('calls nothing healthy where a dump ends half-way, and says which', async () => {
    const cut = withFilter(await readBundle('healthy'), (text) => text.slice(0, text.length >> 1));
    const { answer } = judgeFiles(withoutFiles(cut, (path) => /node-2\/nft\.(json|txt)$/.test(path)));
    expect(answer.verdict).toBe('unknown');
    expect(answer.rootCauses).toEqual([]);
    expect(answer.unknowns.some((unknown) => dumps.includes(unknown.needs))).toBe(true);
  });

  it('names both where a policy stands behind a hijacked route', async () => {
    const files = await readBundle('chapter-17');
    const changed = withFilter(files, (text) =>
      text.replace(/(\*filter\n(?::.*\n)*?):FORWARD ACCEPT/, '$1:FORWARD DROP'),
    );
    const found = causesOf(judgeFiles(changed).answer);
    expect(found).toEqual(expect.arrayContaining([...causesOf(judgeFiles(files).answer)]));
    // What the table sends into the tailnet is let pass there by tailscaled's own rule, whatever the policy.
    expect(found).toHaveLength(1);
  });
});
