import { describe, expect, it } from 'vitest';
import { renderServiceUpdate, renderTables } from './kube-proxy.ts';
import type { ProxiedPort } from './kube-proxy.ts';

const kubernetes: ProxiedPort = {
  namespace: 'default',
  service: 'kubernetes',
  clusterIp: '10.43.0.1',
  port: { name: 'https', port: 443, protocol: 'tcp' },
  endpoints: ['192.168.50.11:6443'],
};
const dns: ProxiedPort = {
  namespace: 'kube-system',
  service: 'kube-dns',
  clusterIp: '10.43.0.10',
  port: { name: 'dns', port: 53, protocol: 'udp' },
  endpoints: ['10.42.0.10:53'],
};

describe('kube-proxy tables', () => {
  // The lines are those of a real kube-proxy 1.36.3 for the same Services.
  it('names chains as the real one does', () => {
    const text = renderTables([kubernetes, dns], '10.42.0.0/16', '10.42.0.0/24');
    expect(text).toContain(
      '-A KUBE-SERVICES -d 10.43.0.1/32 -p tcp -m comment --comment "default/kubernetes:https cluster IP" -m tcp --dport 443 -j KUBE-SVC-NPX46M4PTMTKRN6Y\n',
    );
    expect(text).toContain(
      '-A KUBE-SEP-PXBLK4H3722RIDYQ -p tcp -m comment --comment "default/kubernetes:https" -m tcp -j DNAT --to-destination 192.168.50.11:6443\n',
    );
    expect(text).toContain(
      '-A KUBE-SVC-TCOU7JCQXEZGVUNU -m comment --comment "kube-system/kube-dns:dns -> 10.42.0.10:53" -j KUBE-SEP-NHUUJSM4VHFH4H3V\n',
    );
  });

  it('refuses a port without endpoints and has no chain for it', () => {
    const text = renderTables([{ ...dns, endpoints: [] }], '10.42.0.0/16', '10.42.0.0/24');
    expect(text).toContain('kube-dns:dns has no endpoints" -m udp --dport 53 -j REJECT');
    expect(text).not.toContain('KUBE-SVC-');
  });

  it('draws among several endpoints so that each has the same chance', () => {
    const text = renderTables([{ ...dns, endpoints: ['a:1', 'b:1', 'c:1'] }], '10.42.0.0/16', '10.42.0.0/24');
    expect([...text.matchAll(/--probability (\S+)/g)].map((match) => match[1])).toEqual([
      '0.33333333333',
      '0.50000000000',
    ]);
  });

  it('deletes the chains of an endpoint that went away', () => {
    const text = renderServiceUpdate(
      [kubernetes, dns],
      [kubernetes, { ...dns, endpoints: [] }],
      '10.42.0.0/16',
    );
    expect(text).toContain('-X KUBE-SVC-TCOU7JCQXEZGVUNU\n-X KUBE-SEP-NHUUJSM4VHFH4H3V\n');
    expect(text).not.toContain('-X KUBE-SVC-NPX46M4PTMTKRN6Y');
  });
});
