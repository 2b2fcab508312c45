import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { loadKubeAccess } from './kubernetes-access.ts';
import { findKubeconfigs } from './kubeconfig-files.ts';

const home = mkdtempSync(join(tmpdir(), 'waylaid-kubeconfig-'));

afterEach(() => vi.unstubAllEnvs());
afterAll(() => rmSync(home, { recursive: true, force: true }));

function write(
  name: string,
  parts: { readonly context: string; readonly server: string; readonly token: string },
): string {
  const path = join(home, name);
  const text = [
    `current-context: ${parts.context}`,
    `clusters: [{name: c, cluster: {server: "${parts.server}"}}]`,
    `users: [{name: u, user: {token: ${parts.token}}}]`,
    `contexts: [{name: ${parts.context}, context: {cluster: c, user: u}}]`,
  ];
  writeFileSync(path, text.join('\n'));
  return path;
}

describe('kubeconfig files', () => {
  test('of KUBECONFIG are all that exist, in order', () => {
    const [first, second] = [
      write('one', { context: 'a', server: 'https://a', token: 't' }),
      write('two', { context: 'b', server: 'https://b', token: 't' }),
    ];
    vi.stubEnv('KUBECONFIG', `${first}:/no/such:${second}`);
    expect(findKubeconfigs(undefined)).toMatchObject({ ok: true, files: [first, second] });
    vi.stubEnv('KUBECONFIG', '/no/such');
    expect(findKubeconfigs(undefined)).toMatchObject({ ok: false, isAbsent: false });
  });

  test('of the home folder come next', () => {
    vi.stubEnv('KUBECONFIG', '');
    vi.stubEnv('HOME', join(home, 'nobody'));
    vi.stubEnv('KUBERNETES_SERVICE_HOST', undefined);
    const found = findKubeconfigs(undefined);
    // On a machine that runs k3s itself, its own file is found.
    if (!found.ok && found.isAbsent) expect(found.why).toContain('No kubeconfig was found');
    else expect(JSON.stringify(found)).toMatch(/\/etc\/(?:rancher|kubernetes)\//);
  });

  test('merge as kubectl merges them: the first to name a thing wins', async () => {
    const [first, second] = [
      write('one', { context: 'a', server: 'https://a', token: 'ta' }),
      write('two', { context: 'b', server: 'https://b', token: 'tb' }),
    ];
    vi.stubEnv('KUBECONFIG', `${first}:${second}`);
    const own = await loadKubeAccess({ timeoutMs: 1000 });
    expect(own).toMatchObject({
      ok: true,
      access: { server: 'https://a', contextName: 'a', headers: { Authorization: 'Bearer ta' } },
    });
    // Both call their cluster and user c and u; the second context means the first file's.
    const other = await loadKubeAccess({ timeoutMs: 1000, context: 'b' });
    expect(other).toMatchObject({
      ok: true,
      access: { server: 'https://a', contextName: 'b', headers: { Authorization: 'Bearer ta' } },
    });
  });
});
