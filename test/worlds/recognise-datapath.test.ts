// Which datapath a node has, from evidence alone: whole, partly, and left behind.
import { describe, expect, it } from 'vitest';
import { buildNetwork } from '../../src/core/model/build-network.ts';
import type { DatapathJob, NodeDatapath } from '../../src/core/model/datapath.ts';
import { recogniseDatapath } from '../../src/core/model/recognise-datapath.ts';
import { addConfigMap, addIpvs, makeCiliumWorld, makeKubeOvnWorld } from './datapaths.ts';
import { addSettings, makeWorld, up } from './make-world.ts';
import type { World } from './world.ts';
import { readWorld } from './write-world.ts';

function recognise(world: World): NodeDatapath {
  return recogniseDatapath(buildNetwork(readWorld(world)), 'node/node-1');
}

function withoutFilter(world: World): World {
  for (const node of world.nodes)
    for (const name of ['iptables-save', 'ip6tables-save', 'nft']) node.without.add(name);
  return world;
}

function who(job: DatapathJob): string {
  if (job.kind === 'kernel') return 'kernel';
  return job.kind === 'program' ? job.owner.kind : `${job.owner.kind}?`;
}

function jobs(datapath: NodeDatapath): Record<string, string> {
  const { hostServices, podServices, externalServices, podForwarding, masquerade, policy } = datapath;
  return {
    host: who(hostServices),
    pods: who(podServices),
    external: who(externalServices),
    forwarding: who(podForwarding),
    masquerade: who(masquerade),
    policy: who(policy),
  };
}

const kernelAlone = {
  host: 'kernel',
  pods: 'kernel',
  external: 'kernel',
  forwarding: 'kernel',
  masquerade: 'kernel',
  policy: 'kernel',
};

describe('Cilium', () => {
  it('in place of kube-proxy owns all Services', () => {
    expect(jobs(recognise(makeCiliumWorld()))).toEqual({
      host: 'cilium-ebpf',
      pods: 'cilium-ebpf',
      external: 'cilium-ebpf',
      forwarding: 'cilium-ebpf',
      masquerade: 'kernel',
      policy: 'cilium-ebpf',
    });
  });

  it("beside kube-proxy leaves the node's own and outside Services to its chains", () => {
    expect(jobs(recognise(makeCiliumWorld({ replacesKubeProxy: false })))).toMatchObject({
      host: 'kernel',
      pods: 'cilium-ebpf',
      external: 'kernel',
      forwarding: 'cilium-ebpf',
    });
  });

  it('beside kube-proxy in IPVS mode leaves them to IPVS', () => {
    const world = makeCiliumWorld({ replacesKubeProxy: false });
    addIpvs(world);
    expect(jobs(recognise(world))).toMatchObject({
      host: 'ipvs',
      pods: 'cilium-ebpf',
      external: 'ipvs',
      forwarding: 'cilium-ebpf',
    });
  });

  it('with its socket part alone takes the Services of programs on the node', () => {
    const world = makeCiliumWorld({ replacesKubeProxy: false, config: { 'bpf-lb-sock': 'true' } });
    expect(jobs(recognise(world))).toMatchObject({ host: 'cilium-ebpf', external: 'kernel' });
  });

  it('says by its agent what its ConfigMap says otherwise', () => {
    const world = makeCiliumWorld({ replacesKubeProxy: false, collects: ['status'] });
    expect(jobs(recognise(world))).toMatchObject({ host: 'cilium-ebpf', external: 'cilium-ebpf' });
  });

  it('without its ConfigMap leaves the owner of Services open, and says what would tell', () => {
    const datapath = recognise(withoutFilter(makeCiliumWorld({ hasConfig: false })));
    expect(jobs(datapath)).toMatchObject({
      host: 'cilium-ebpf?',
      pods: 'cilium-ebpf',
      external: 'cilium-ebpf?',
    });
    expect(datapath.hostServices).toMatchObject({
      missing: { path: 'cluster/resources/configmaps.json', reason: 'not-collected' },
    });
  });

  it('without its ConfigMap shows by the chains whose Services they are', () => {
    const replacing = makeCiliumWorld({ hasConfig: false });
    expect(jobs(recognise(replacing))).toMatchObject({ host: 'cilium-ebpf', external: 'cilium-ebpf' });
    const beside = makeCiliumWorld({ hasConfig: false, replacesKubeProxy: false });
    expect(jobs(recognise(beside))).toMatchObject({
      host: 'kernel',
      pods: 'cilium-ebpf',
      external: 'kernel',
    });
  });

  it('does not take the value of a node that an override may select', () => {
    const world = makeCiliumWorld();
    const spec = {
      nodeSelector: { matchLabels: { pool: 'edge' } },
      defaults: { 'kube-proxy-replacement': 'false' },
    };
    const object = { kind: 'CiliumNodeConfig', metadata: { name: 'edge', namespace: 'kube-system' }, spec };
    world.files.set(
      'cluster/resources/ciliumnodeconfigs.cilium.io.json',
      JSON.stringify({ kind: 'List', items: [object] }),
    );
    expect(jobs(recognise(withoutFilter(world)))).toMatchObject({ host: 'cilium-ebpf?' });
  });

  it('is not there where only its settings are', () => {
    const world = makeWorld();
    addConfigMap(world, 'cilium-config', { 'kube-proxy-replacement': 'true' });
    expect(jobs(recognise(world))).toEqual(kernelAlone);
  });
});

describe('IPVS', () => {
  it('holds Services, and pods are forwarded by the kernel', () => {
    const world = makeWorld();
    addIpvs(world);
    expect(jobs(recognise(world))).toEqual({ ...kernelAlone, host: 'ipvs', pods: 'ipvs', external: 'ipvs' });
  });

  it('holds Services where the mode says so and nobody collected its table', () => {
    const world = makeWorld();
    addIpvs(world, { isCollected: false });
    expect(jobs(recognise(world))).toMatchObject({ host: 'ipvs', forwarding: 'kernel' });
  });

  it('is open where only its device is known', () => {
    const world = makeWorld();
    addIpvs(world, { isCollected: false });
    world.files.delete('cluster/resources/configmaps.json');
    const datapath = recognise(world);
    expect(jobs(datapath)).toMatchObject({ host: 'ipvs?', forwarding: 'kernel' });
    expect(datapath.hostServices).toMatchObject({ missing: { path: 'nodes/node-1/ipvsadm.txt' } });
  });

  it('is gone where its device was left behind by a switch to chains', () => {
    const world = makeWorld();
    addIpvs(world, { isCollected: false });
    world.files.delete('cluster/resources/configmaps.json');
    addConfigMap(world, 'kube-proxy', { 'config.conf': 'kind: KubeProxyConfiguration\nmode: ""\n' });
    expect(jobs(recognise(world))).toEqual(kernelAlone);
  });

  it('is gone where its table is empty, unless kube-proxy means to fill it', () => {
    const world = makeWorld();
    addIpvs(world);
    const manifest = { format: 'waylaid-evidence/1', items: [{ path: 'nodes/node-1/ipvsadm.txt', exit: 0 }] };
    world.files.set('waylaid.json', JSON.stringify(manifest));
    for (const node of world.nodes) node.files.set('ipvsadm.txt', '');
    expect(jobs(recognise(world))).toMatchObject({ host: 'ipvs' });
    world.files.delete('cluster/resources/configmaps.json');
    expect(jobs(recognise(world))).toEqual(kernelAlone);
  });
});

describe('other pod networks', () => {
  it('Calico with iptables is the kernel’s', () => {
    const world = makeWorld();
    world.nodes[0]?.links.push({ name: 'cali0a1b2c3d4e5', kind: 'veth', flags: up, other: 'if3' });
    world.nodes[0]?.links.push({ name: 'vxlan.calico', kind: 'vxlan id 4096 dstport 4789', flags: up });
    addFelix(world, false);
    expect(jobs(recognise(world))).toEqual(kernelAlone);
  });

  it('Calico with eBPF owns everything', () => {
    const world = makeWorld();
    for (const name of ['bpfin.cali', 'bpfout.cali', 'cali0a1b2c3d4e5'])
      world.nodes[0]?.links.push({ name, kind: 'veth', flags: up, other: 'if3' });
    addFelix(world, true);
    expect(new Set(Object.values(jobs(recognise(world))))).toEqual(new Set(['calico-ebpf']));
  });

  it('Antrea leaves the node’s own Services to kube-proxy unless it proxies all', () => {
    const world = makeWorld();
    for (const node of world.nodes) {
      node.links.push({ name: 'antrea-gw0', kind: 'openvswitch', flags: up });
      addSettings(node, 'antrea-gw0');
    }
    expect(jobs(recognise(world))).toMatchObject({
      host: 'kernel',
      pods: 'antrea-ovs',
      forwarding: 'antrea-ovs',
    });
    addConfigMap(world, 'antrea-config', { 'antrea-agent.conf': 'antreaProxy:\n  proxyAll: true\n' });
    expect(jobs(recognise(world))).toMatchObject({ host: 'antrea-ovs', external: 'antrea-ovs' });
  });

  it('Kube-OVN owns the pods and leaves the node’s own Services to kube-proxy', () => {
    expect(jobs(recognise(makeKubeOvnWorld()))).toMatchObject({
      host: 'kernel',
      pods: 'kube-ovn',
      forwarding: 'kube-ovn',
    });
  });

  it('flannel is the kernel’s', () => {
    expect(jobs(recognise(makeWorld()))).toEqual(kernelAlone);
  });
});

function addFelix(world: World, bpfEnabled: boolean): void {
  const object = { kind: 'FelixConfiguration', metadata: { name: 'default' }, spec: { bpfEnabled } };
  world.files.set(
    'cluster/resources/felixconfigurations.crd.projectcalico.org.json',
    JSON.stringify({ kind: 'List', items: [object] }),
  );
}
