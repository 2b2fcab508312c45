// Clusters whose packet filter is at fault, each with a twin that looks alike and is well: exactly one root cause with the
// right subject, and none in the twin.
import { describe, expect, it } from 'vitest';
import type { FilterDraft } from './filter-draft.ts';
import { removeKubeProxy } from './filter-draft.ts';
import { joinTailnet } from './join-tailnet.ts';
import { addPod, addSettings, makeMachine, makeWorld, podAddress } from './make-world.ts';
import type { World, WorldNode, WorldPod } from './world.ts';
import { judgeWorld } from './write-world.ts';
import type { Judgement } from '../../src/core/pipeline.ts';

interface Expected {
  readonly code: string;
  readonly layer?: string;
  /** Proven unless the loss is where nobody can look. */
  readonly confidence?: 'supported';
  readonly subjects: readonly string[];
}

function expectCause(world: World, expected: Expected): Judgement {
  const judgement = judgeWorld(world);
  const { diagnosis, repairs } = judgement;
  expect(diagnosis.causes.map(({ code, subjects }) => ({ code, subjects: subjects.slice(0, 3) }))).toEqual([
    { code: expected.code, subjects: expected.subjects },
  ]);
  const [cause] = diagnosis.causes;
  if (expected.layer !== undefined) expect(cause?.layer).toBe(expected.layer);
  expect(diagnosis.verdict, diagnosis.summary).toBe('broken');
  expect(cause?.confidence).toBe(expected.confidence ?? 'proven');
  expect(cause?.elements.length).toBeGreaterThan(0);
  const left = diagnosis.judged.filter(
    ({ intent, trace }) => trace.verdict === 'fails' && cause?.breaks.includes(intent.id) !== true,
  );
  expect(left.map(({ intent }) => intent.label)).toEqual([]);
  expect(repairs.length).toBeGreaterThan(0);
  for (const repair of repairs) {
    expect(repair.simulated.breaks).toBe(0);
    expect(repair.simulated.heals).toBeGreaterThan(0);
    expect(repair.commands.length).toBeGreaterThan(0);
  }
  return judgement;
}

function expectWell(world: World): Judgement {
  const judgement = judgeWorld(world);
  const { diagnosis } = judgement;
  expect(diagnosis.causes.map((cause) => cause.title)).toEqual([]);
  const failing = diagnosis.judged.filter(({ trace }) => trace.verdict !== 'arrives');
  expect(failing.map(({ intent }) => intent.label)).toEqual([]);
  expect(diagnosis.verdict, diagnosis.summary).toBe('healthy');
  return judgement;
}

const nodeAt = (world: World, index: number): WorldNode => world.nodes[index]!;

function withoutFlannelForward({ filter }: FilterDraft): void {
  const at = filter.rules.findIndex((rule) => rule.includes('-j FLANNEL-FWD'));
  filter.rules.splice(at, 1);
}

function addDocker({ filter }: FilterDraft): void {
  filter.policies.set('FORWARD', 'DROP');
  filter.chains.push('DOCKER', 'DOCKER-USER', 'DOCKER-ISOLATION-STAGE-1');
  filter.rules.unshift('-A FORWARD -j DOCKER-USER', '-A FORWARD -j DOCKER-ISOLATION-STAGE-1');
  filter.rules.push('-A DOCKER-USER -j RETURN', '-A DOCKER-ISOLATION-STAGE-1 -j RETURN');
}

function addUfw({ filter }: FilterDraft): void {
  filter.policies.set('INPUT', 'DROP');
  filter.policies.set('FORWARD', 'DROP');
  filter.chains.push('ufw-before-input', 'ufw-before-forward', 'ufw-user-input');
  filter.rules.push(
    '-A INPUT -j ufw-before-input',
    '-A FORWARD -j ufw-before-forward',
    '-A ufw-before-input -i lo -j ACCEPT',
    '-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-A ufw-before-input -p icmp -m icmp --icmp-type 8 -j ACCEPT',
    '-A ufw-before-input -j ufw-user-input',
    '-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-A ufw-user-input -p tcp -m tcp --dport 6443 -j ACCEPT',
    '-A ufw-user-input -p udp -m udp --dport 8472 -j ACCEPT',
    '-A ufw-user-input -s 10.42.0.0/16 -j ACCEPT',
  );
}

describe('a host firewall', () => {
  it.each([
    ['Docker', addDocker],
    ['ufw', addUfw],
  ])('%s with a policy of DROP where flannel’s rules are gone', (name, add) => {
    const world = makeWorld();
    nodeAt(world, 1).filterEdits.push(add, withoutFlannelForward);
    const { diagnosis } = expectCause(world, {
      code: 'host-firewall-drops-pod-traffic',
      layer: 'netfilter',
      subjects: ['node/node-2'],
    });
    expect(diagnosis.causes[0]?.title).toContain(name);
    expect(diagnosis.causes[0]?.elements[0]?.text).toBe('-t filter -P FORWARD DROP');
  });

  it.each([
    ['Docker', addDocker],
    ['ufw', addUfw],
  ])('%s with a policy of DROP behind flannel’s rules', (_, add) => {
    const world = makeWorld();
    nodeAt(world, 1).filterEdits.push(add);
    expectWell(world);
  });

  it('is cleared where something else is at fault', () => {
    const world = makeWorld();
    nodeAt(world, 0).filterEdits.push(addDocker);
    nodeAt(world, 1).filterEdits.push(removeKubeProxy);
    const { cleared } = judgeWorld(world).diagnosis;
    expect(cleared.map(({ suspect, subject }) => `${suspect} on ${subject}`)).toContain(
      'the policy DROP of FORWARD (filter) on node/node-1',
    );
  });

  const firewalld = (trusted: string): string =>
    [
      'table inet firewalld { # handle 7',
      '\tchain filter_FORWARD { # handle 1',
      '\t\ttype filter hook forward priority filter + 10; policy accept;',
      '\t\tct state { established, related } accept # handle 2',
      '\t\tct status dnat accept # handle 3',
      trusted,
      '\t\tjump filter_FORWARD_ZONES # handle 4',
      '\t\treject with icmpx admin-prohibited # handle 5',
      '\t}',
      '\tchain filter_FORWARD_ZONES { # handle 6',
      '\t\tgoto filter_FWD_public # handle 8',
      '\t}',
      '\tchain filter_FWD_public { # handle 9',
      '\t\treject with icmpx admin-prohibited # handle 10',
      '\t}',
      '}',
      '',
    ].join('\n');

  it('firewalld, behind whose reject an accept elsewhere does not help', () => {
    const world = makeWorld();
    const node = nodeAt(world, 1);
    node.without.add('nft');
    node.files.set('nft.txt', firewalld('\t\tiifname "lo" accept # handle 11'));
    const { diagnosis } = expectCause(world, {
      code: 'host-firewall-drops-pod-traffic',
      subjects: ['node/node-2'],
    });
    expect(diagnosis.causes[0]?.title).toContain('firewalld');
  });

  it('firewalld that trusts the pod network', () => {
    const world = makeWorld();
    const node = nodeAt(world, 1);
    node.without.add('nft');
    const trusted = `\t\tip saddr ${world.options.podCidr} accept # handle 11\n\t\tip daddr ${world.options.podCidr} accept # handle 12`;
    node.files.set('nft.txt', firewalld(trusted));
    expectWell(world);
  });

  it.each([
    ['8472', true],
    ['4789', false],
  ])('that drops UDP %s', (port, isOverlay) => {
    const world = makeWorld();
    const rule = `-A INPUT -p udp -m udp --dport ${port} -j DROP`;
    nodeAt(world, 1).filterEdits.push(({ filter }) => filter.rules.unshift(rule));
    if (!isOverlay) {
      expectWell(world);
      return;
    }
    const { diagnosis } = expectCause(world, {
      code: 'host-firewall-drops-overlay',
      subjects: ['node/node-2'],
    });
    expect(diagnosis.causes[0]?.elements.map(({ text }) => text)).toEqual([`-t filter ${rule}`]);
  });

  it('that drops between machines what no pod has to do with', () => {
    const world = makeWorld();
    nodeAt(world, 1).filterEdits.push(({ filter }) => filter.rules.unshift('-A INPUT -p icmp -j DROP'));
    expectCause(world, { code: 'packet-filter-drops-traffic', subjects: ['node/node-2'] });
  });
});

describe('tailscaled’s rule for the shared address space', () => {
  it.each([
    ['100.80.1.0/24', true],
    ['192.168.1.0/24', false],
  ])('with nodes on %s', (lan, isHit) => {
    const world = makeWorld({ lan });
    joinTailnet(
      world.nodes.map((machine, index) => ({
        name: machine.name,
        address: `100.64.1.${index + 1}`,
        machine,
      })),
    );
    if (!isHit) {
      expectWell(world);
      return;
    }
    expectCause(world, {
      code: 'tailscale-filter-drops-cgnat-range',
      layer: 'netfilter',
      subjects: ['node/node-1', 'node/node-2', 'node/node-3'],
    });
  });
});

describe('kube-proxy’s chains', () => {
  it('flushed on one node', () => {
    const world = makeWorld();
    nodeAt(world, 1).filterEdits.push(removeKubeProxy);
    expectCause(world, {
      code: 'service-rules-missing',
      subjects: ['node/node-2'],
      confidence: 'supported',
    });
  });

  it('that lead to a pod that is gone', () => {
    const world = makeWorld();
    nodeAt(world, 1).filterEdits.push(({ nat }) => {
      const at = nat.rules.findIndex((rule) => rule.includes('-j DNAT') && rule.endsWith(':53'));
      nat.rules[at] = (nat.rules[at] ?? '').replace(/\.\d+:53$/, '.99:53');
    });
    expectCause(world, { code: 'service-rules-stale', subjects: ['node/node-2'] });
  });

  it('that refuse a Service which has endpoints again', () => {
    const world = makeWorld();
    nodeAt(world, 1).filterEdits.push(({ nat, filter }) => {
      const entry = nat.rules.find((rule) => rule.includes('kube-dns cluster IP'));
      nat.rules.splice(nat.rules.indexOf(entry ?? ''), 1);
      const match = /-d \S+/.exec(entry ?? '')?.[0] ?? '';
      filter.rules.push(
        `-A KUBE-SERVICES ${match} -p udp -m comment --comment "kube-system/kube-dns:dns has no endpoints" -m udp --dport 53 -j REJECT --reject-with icmp-port-unreachable`,
      );
    });
    expectCause(world, { code: 'service-rules-stale', subjects: ['node/node-2'] });
  });
});

function addProbe(world: World, probes: readonly Record<string, unknown>[]): void {
  const lines = probes.map((probe, index) =>
    JSON.stringify({ id: `p${index}`, stage: 'connect', outcome: 'timeout', ...probe }),
  );
  world.files.set('probes.jsonl', `${lines.join('\n')}\n`);
}

function addGateway(world: World): { readonly machine: WorldNode; readonly ip: string } {
  const machine = makeMachine(world.options, 50, 'gateway');
  world.hosts.push(machine);
  return { machine, ip: machine.internalIps[0]! };
}

const isPodMasquerade = (rule: string): boolean => / ! -d 224\.0\.0\.0\/4 .*MASQUERADE/.test(rule);

function withoutMasquerade({ nat }: FilterDraft): void {
  nat.rules.splice(nat.rules.findIndex(isPodMasquerade), 1);
}

describe('masquerading', () => {
  const makeAsking = (): World => {
    const world = makeWorld();
    const { ip } = addGateway(world);
    addProbe(world, [{ from: { node: 'node-2', pod: 'shop/app-1-0' }, to: { ip, port: 80, proto: 'tcp' } }]);
    return world;
  };

  it('missing for what pods send out', () => {
    const world = makeAsking();
    nodeAt(world, 1).filterEdits.push(withoutMasquerade);
    expectCause(world, {
      code: 'pod-network-not-masqueraded',
      subjects: ['node/node-2'],
      confidence: 'supported',
    });
  });

  it('done by somebody else', () => {
    const world = makeAsking();
    nodeAt(world, 1).filterEdits.push(withoutMasquerade, ({ nat }) =>
      nat.rules.push('-A POSTROUTING -s 10.42.0.0/16 ! -d 10.42.0.0/16 -o eth0 -j MASQUERADE'),
    );
    const { diagnosis } = judgeWorld(world);
    expect(diagnosis.causes).toEqual([]);
    expect(diagnosis.judged.filter(({ trace }) => trace.verdict === 'fails')).toEqual([]);
  });
});

/** kube-router's chain for one pod: only the listed sources, and its own node, get in. */
function addPolicy(node: WorldNode, pod: WorldPod, allowed: readonly string[]): void {
  const [ip = ''] = pod.ips;
  const name = `POD name:${pod.name} namespace: ${pod.namespace}`;
  node.filterEdits.push(({ filter }) => {
    filter.chains.push('KUBE-ROUTER-FORWARD', 'KUBE-POD-FW-AAAABBBBCCCCDDDD', 'KUBE-NWPLCY-EEEEFFFFGGGGHHHH');
    filter.rules.unshift('-A FORWARD -j KUBE-ROUTER-FORWARD');
    const own = '-A KUBE-POD-FW-AAAABBBBCCCCDDDD';
    filter.rules.push(
      `-A KUBE-ROUTER-FORWARD -d ${ip}/32 -m comment --comment "rule to jump traffic destined to ${name} to chain KUBE-POD-FW-AAAABBBBCCCCDDDD" -j KUBE-POD-FW-AAAABBBBCCCCDDDD`,
      `${own} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
      `${own} -d ${ip}/32 -m addrtype --src-type LOCAL -j ACCEPT`,
      `${own} -d ${ip}/32 -m comment --comment "run through nw policy only-friends" -j KUBE-NWPLCY-EEEEFFFFGGGGHHHH`,
      ...allowed.map(
        (source) => `-A KUBE-NWPLCY-EEEEFFFFGGGGHHHH -s ${source} -j MARK --set-xmark 0x10000/0x10000`,
      ),
      `${own} -m comment --comment "rule to REJECT traffic destined for ${name}" -m mark ! --mark 0x10000/0x10000 -j REJECT --reject-with icmp-port-unreachable`,
    );
  });
}

describe('a NetworkPolicy', () => {
  it('that keeps pods from each other is no fault', () => {
    const world = makeWorld();
    const database = addPod(world, nodeAt(world, 0), 'db', { port: 5432 });
    addPolicy(nodeAt(world, 0), database, []);
    expectWell(world);
  });

  it('that keeps pods from the cluster’s DNS is one', () => {
    const world = makeWorld();
    const dns = world.pods.find((pod) => pod.name === 'coredns-1')!;
    addPolicy(nodeAt(world, 0), dns, ['10.42.1.0/24', '10.42.2.0/24']);
    const { diagnosis } = expectCause(world, {
      code: 'networkpolicy-blocks',
      layer: 'kube-object',
      subjects: ['networkpolicy/kube-system/only-friends'],
    });
    expect(diagnosis.causes[0]?.title).toContain('udp port 53');
  });

  it('that judges a node’s address in place of a pod’s blames the masquerade', () => {
    const world = makeWorld({ collectsPods: true });
    const database = addPod(world, nodeAt(world, 0), 'db', { port: 5432 });
    addPolicy(nodeAt(world, 0), database, [`${podAddress(world.options, 1, 0)}/32`]);
    addProbe(world, [
      {
        from: { node: 'node-2', pod: 'shop/app-1-0' },
        to: { ip: database.ips[0], port: 5432, proto: 'tcp' },
      },
    ]);
    const rule = '-A POSTROUTING -s 10.42.0.0/16 ! -o cni0 -j MASQUERADE';
    nodeAt(world, 1).filterEdits.push(({ nat }) => nat.rules.unshift(rule));
    const { diagnosis } = expectCause(world, {
      code: 'masquerade-inside-pod-network',
      subjects: ['node/node-2'],
    });
    expect(diagnosis.causes[0]?.elements.map(({ text }) => text)).toEqual([`-t nat ${rule}`]);
  });
});

describe('rules of others', () => {
  const marking = (mark: string): World => {
    const world = makeWorld({ collectsPods: true });
    const database = addPod(world, nodeAt(world, 0), 'db', { port: 5432 });
    addPolicy(nodeAt(world, 0), database, [`${podAddress(world.options, 1, 0)}/32`]);
    addProbe(world, [
      {
        from: { node: 'node-2', pod: 'shop/app-1-0' },
        to: { ip: database.ips[0], port: 5432, proto: 'tcp' },
      },
    ]);
    nodeAt(world, 1).filterEdits.push(({ mangle }) =>
      mangle.rules.push(`-A PREROUTING -i cni0 -j MARK --set-xmark ${mark}`),
    );
    return world;
  };

  it('that mark with a bit of kube-proxy’s', () => {
    expectCause(marking('0x4000/0x4000'), { code: 'mark-collision', subjects: ['node/node-2'] });
  });

  it('that mark with a bit of nobody', () => {
    const { diagnosis } = judgeWorld(marking('0x100/0x100'));
    expect(diagnosis.causes).toEqual([]);
    expect(diagnosis.judged.filter(({ trace }) => trace.verdict === 'fails')).toEqual([]);
  });

  it('that redirect a port of the cluster’s', () => {
    const world = makeWorld();
    nodeAt(world, 1).filterEdits.push(({ nat }) =>
      nat.rules.unshift('-A PREROUTING -p udp -m udp --dport 53 -j DNAT --to-destination 10.42.2.99:53'),
    );
    expectCause(world, { code: 'translation-takes-cluster-traffic', subjects: ['node/node-2'] });
  });
});

describe('connection tracking', () => {
  it('drops answers that come by a stranger', () => {
    const world = makeWorld();
    const { machine, ip } = addGateway(world);
    for (const node of world.nodes)
      node.filterEdits.push(({ nat }) =>
        nat.rules.unshift(`-A POSTROUTING -s 10.42.0.0/16 -d 192.168.1.0/24 -j ACCEPT`),
      );
    machine.routes4.push(`10.42.0.0/16 via ${nodeAt(world, 0).internalIps[0]} dev eth0`);
    addProbe(
      world,
      [1, 2].map((index) => ({
        from: { node: `node-${index + 1}`, pod: `shop/app-${index}-0` },
        to: { ip, port: 80, proto: 'tcp' },
      })),
    );
    expectCause(world, {
      code: 'asymmetric-reply-invalid',
      layer: 'kernel-route',
      subjects: ['host/gateway'],
    });
  });

  it('remembers an endpoint that is gone', () => {
    const world = makeWorld({ collectsPods: true });
    const [dns] = world.services;
    const client = podAddress(world.options, 1, 0);
    nodeAt(world, 1).files.set(
      'conntrack.txt',
      `ipv4     2 udp      17 25 src=${client} dst=${dns?.ips[0]} sport=5353 dport=53 [UNREPLIED] src=10.42.1.99 dst=${client} sport=53 dport=5353 mark=0 use=1\n`,
    );
    expectCause(world, { code: 'stale-connection', subjects: ['node/node-2'] });
  });
});

describe('a bridge whose frames pass by the packet filter', () => {
  it.each([
    ['iptables', true],
    ['ip6tables', false],
  ])('bridge-nf-call-%s', (kind, isHit) => {
    const world = makeWorld({ collectsPods: true });
    nodeAt(world, 0).sysctls.set(`net.bridge.bridge-nf-call-${kind}`, '0');
    if (!isHit) {
      expectWell(world);
      return;
    }
    expectCause(world, { code: 'bridge-netfilter-off', layer: 'netfilter', subjects: ['node/node-1'] });
  });
});

describe('a Service of policy Local', () => {
  it('asked at a node that has no endpoint of it', () => {
    const world = makeWorld();
    addSettings(nodeAt(world, 0), 'eth0');
    const endpoint = podAddress(world.options, 0, 0);
    nodeAt(world, 1).filterEdits.push(({ filter, nat }) => {
      filter.chains.push('KUBE-EXTERNAL-SERVICES');
      filter.rules.unshift('-A INPUT -m conntrack --ctstate NEW -j KUBE-EXTERNAL-SERVICES');
      filter.rules.push(
        '-A KUBE-EXTERNAL-SERVICES -p tcp -m comment --comment "shop/front:http has no local endpoints" -m addrtype --dst-type LOCAL -m tcp --dport 30080 -j DROP',
      );
      nat.chains.push('KUBE-NODEPORTS', 'KUBE-EXT-AAAA', 'KUBE-SVC-AAAA');
      nat.rules.push(
        '-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
        '-A KUBE-NODEPORTS -p tcp -m comment --comment "shop/front:http" -m tcp --dport 30080 -j KUBE-EXT-AAAA',
        '-A KUBE-EXT-AAAA -s 10.42.0.0/16 -j KUBE-SVC-AAAA',
        `-A KUBE-SVC-AAAA -p tcp -m tcp -j DNAT --to-destination ${endpoint}:8080`,
      );
    });
    const { machine } = addGateway(world);
    addProbe(world, [
      {
        from: { host: machine.name },
        to: { ip: nodeAt(world, 1).internalIps[0], port: 30080, proto: 'tcp' },
      },
    ]);
    expectCause(world, {
      code: 'node-port-without-local-endpoint',
      layer: 'kube-object',
      subjects: ['service/shop/front', 'node/node-2'],
    });
  });
});
