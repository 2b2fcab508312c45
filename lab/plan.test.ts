import { describe, expect, it } from 'vitest';
import { faults } from './fault-list.ts';
import { planWithFaults } from './plan-with-faults.ts';
import { planLab, podsOn } from './plan.ts';
import type { LabOptions } from './planned.ts';

const options: LabOptions = {
  name: 'lab',
  nodeCount: 3,
  clusterCidr: '10.42.0.0/16',
  serviceCidr: '10.43.0.0/16',
  proxy: 'iptables',
  faults: [],
};

describe('the plan of a lab', () => {
  it('gives each node a /24 of the cluster CIDR, from the first', () => {
    expect(planLab(options).nodes.map((node) => node.podCidr)).toEqual([
      '10.42.0.0/24',
      '10.42.1.0/24',
      '10.42.2.0/24',
    ]);
  });

  it.each([1, 2, 3, 4, 40])('has two pods on every node and no address twice, with %i nodes', (nodeCount) => {
    const plan = planLab({ ...options, nodeCount });
    const addresses = [
      ...plan.pods.map((pod) => pod.address),
      ...plan.services.map((service) => service.clusterIp),
      ...plan.nodes.flatMap((node) => [node.lanAddress, node.podGateway, node.vtepAddress]),
      ...plan.hosts.map((host) => host.lanAddress),
      plan.lan.gateway,
    ];
    expect(new Set(addresses).size).toBe(addresses.length);
    expect(Math.min(...plan.nodes.map((node) => podsOn(plan, node.name).length))).toBeGreaterThan(1);
  });

  it('keeps Services inside the smallest service CIDR', () => {
    const plan = planLab({ ...options, serviceCidr: '172.29.4.0/24' });
    const addresses = plan.services
      .map((service) => service.clusterIp)
      .filter((address) => address !== 'None');
    expect(addresses.length).toBeGreaterThan(5);
    expect(addresses.every((address) => address.startsWith('172.29.4.'))).toBe(true);
  });

  it.each([
    [{ nodeCount: 0 }, /1 to 40 nodes/],
    [{ clusterCidr: '10.42.0.0/23' }, /no \/24 for each of 3 nodes/],
    [{ serviceCidr: '10.42.128.0/20' }, /overlap/],
    [{ clusterCidr: 'fd00::/56' }, /not an IPv4 prefix/],
    [{ clusterCidr: '100.64.0.0/12' }, /overlaps 100\.64\.0\.0\/10/],
  ])('refuses %j', (wish, message) => {
    expect(() => planLab({ ...options, ...wish })).toThrow(message);
  });

  it('has everybody accept routes, and nothing advertised that overlaps, when healthy', () => {
    const { tailnet } = planLab(options);
    expect(tailnet.filter((member) => member.acceptRoutes).map((member) => member.machine)).toEqual([
      'node-1',
      'node-2',
      'node-3',
    ]);
    expect(tailnet.flatMap((member) => member.advertiseRoutes)).toEqual(['172.31.77.0/24']);
  });
});

describe('faults', () => {
  it('have names of their own, words, and either something to find or a reason why not', () => {
    expect(new Set(faults.map((fault) => fault.name)).size).toBe(faults.length);
    for (const fault of faults) {
      expect(fault.changePlan ?? fault.make).toBeDefined();
      expect(fault.expected.length > 0 || fault.title.includes('nothing breaks')).toBe(true);
    }
  });

  it('can be combined', () => {
    const both = { ...options, faults: ['table52-cluster-cidr', 'flannel-wrong-interface'] };
    const plan = planWithFaults(both);
    expect(plan.tailnet.filter((member) => member.acceptRoutes).map((member) => member.machine)).toEqual([
      'node-2',
    ]);
    expect(plan.nodes[1]?.flannel.device).toBe('eth1');
  });

  it('say which node they miss', () => {
    expect(() => planWithFaults({ ...options, nodeCount: 1, faults: ['table52-cluster-cidr'] })).toThrow(
      /no node-2/,
    );
  });
});
