// Lists of objects, and the projections of Nodes, Pods, Services and endpoints.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeFile, makeJsonFile } from '../../../../test/evidence/make-file.ts';
import { withoutEvidence } from '../../../../test/evidence/without-evidence.ts';
import { formatPrefix } from '../../net/prefix.ts';
import type { KubeObject } from '../cluster-facts.ts';
import { endpointsOfEndpoints, endpointsOfSlices } from './read-endpoints.ts';
import { readKubeList } from './read-list.ts';
import { nodesOf } from './read-nodes.ts';
import { podsOf } from './read-pods.ts';
import { servicesOf } from './read-services.ts';

function objectsOf(content: unknown): readonly KubeObject[] {
  const reading = readKubeList(makeJsonFile('cluster/resources/x.json', content));
  if (!reading.isUnderstood) throw new Error(reading.detail);
  return reading.value;
}

const named = (name: string, namespace = 'a', rest: object = {}): object => ({
  metadata: { name, namespace },
  ...rest,
});

describe('lists', () => {
  test('kubectl prints a List, the API server a PodList whose objects have no kind', () => {
    const ofKubectl = objectsOf({ kind: 'List', items: [{ ...named('p'), kind: 'Pod' }] });
    const ofServer = objectsOf({ kind: 'PodList', apiVersion: 'v1', items: [named('p')] });
    expect(ofKubectl[0]).toMatchObject({
      kind: 'Pod',
      namespace: 'a',
      name: 'p',
      evidence: { at: '/items/0' },
    });
    expect(ofServer[0]).toMatchObject({ kind: 'Pod', namespace: 'a', name: 'p' });
  });

  test.each([
    [{ kind: 'PodList', items: null }, 0],
    [{ kind: 'PodList', items: [] }, 0],
    [[named('x')], 1],
    [{ kind: 'Pod', ...named('x') }, 1],
  ])('%j is a list too', (content, count) => {
    expect(objectsOf(content)).toHaveLength(count);
  });

  test.each([
    [{ kind: 'Status', status: 'Failure', message: 'pods is forbidden' }, 'a refusal (pods is forbidden)'],
    [{ items: {} }, 'not a Kubernetes list (its items are no list)'],
    [{ gitVersion: 'v1' }, 'not a Kubernetes list (no items in it)'],
    ['x', 'not a Kubernetes list'],
  ])('%j is none', (content, detail) => {
    expect(readKubeList(makeJsonFile('x.json', content))).toEqual({ isUnderstood: false, detail });
  });

  test('a list that is cut off is not half a list', () => {
    const text = JSON.stringify({ kind: 'List', items: [named('a'), named('b')] });
    expect(readKubeList(makeFile('x.json', text.slice(0, -9)))).toEqual({
      isUnderstood: false,
      detail: `cut off at byte ${text.length - 9}`,
    });
  });

  test('objects come in order of their names, whatever the order in the file; the place stays', () => {
    const items = [named('b', 'z'), named('b', 'a'), named('a', 'z'), named('node')];
    fc.assert(
      fc.property(fc.shuffledSubarray(items, { minLength: 4 }), (shuffled) => {
        const objects = objectsOf({ kind: 'List', items: shuffled });
        expect(objects.map((object) => `${object.namespace ?? ''}/${object.name}`)).toEqual([
          'a/b',
          'a/node',
          'z/a',
          'z/b',
        ]);
        for (const object of objects) {
          const index = Number(object.evidence.at?.split('/')[2]);
          expect(object.raw).toEqual(shuffled[index]);
        }
      }),
    );
  });

  test('of two objects of one name the same one is kept whatever the order, with a note', () => {
    const twins = [named('n', 'a', { spec: { x: 1, y: 2 } }), named('n', 'a', { spec: { y: 1, x: 2 } })];
    const read = (items: readonly object[]): unknown => {
      const reading = readKubeList(makeJsonFile('nodes.json', { kind: 'NodeList', items }));
      return reading.isUnderstood && [reading.value.map((object) => object.raw), reading.notes];
    };
    expect(read(twins)).toEqual(read([...twins].reverse()));
    expect(read(twins)).toMatchObject([
      [{ spec: { x: 1, y: 2 } }],
      [{ code: 'duplicate-name', text: 'nodes.json holds Node a/n more than once; one of them is used.' }],
    ]);
  });

  test('an object without a name is ignored with a note that says where', () => {
    const reading = readKubeList(makeJsonFile('pods.json', { items: [named('a'), { metadata: {} }, 7] }));
    expect(reading).toMatchObject({
      isUnderstood: true,
      value: [{ name: 'a' }],
      notes: [
        { code: 'ignored-entry', text: 'pods.json/items/1 has no metadata.name; it is ignored.' },
        { code: 'ignored-entry', text: 'pods.json/items/2 has no metadata.name; it is ignored.' },
      ],
    });
  });
});

describe('projections', () => {
  test('a node with flannel, dual stack', () => {
    const [node] = nodesOf(
      objectsOf({
        kind: 'NodeList',
        items: [
          {
            metadata: {
              name: 'n1',
              labels: { 'kubernetes.io/os': 'linux' },
              annotations: {
                'flannel.alpha.coreos.com/backend-data': '{"VNI":1,"VtepMAC":"7A:e1:15:fc:a3:c3"}',
                'flannel.alpha.coreos.com/backend-type': 'vxlan',
                'flannel.alpha.coreos.com/backend-v6-data': '{"VNI":1,"VtepMAC":"02:00:00:00:00:06"}',
                'flannel.alpha.coreos.com/public-ip': '192.168.50.11',
                'flannel.alpha.coreos.com/public-ipv6': 'fd00::11',
              },
            },
            spec: { podCIDR: '10.42.0.0/24', podCIDRs: ['10.42.0.0/24', 'fd42::/64'] },
            status: {
              addresses: [
                { type: 'InternalIP', address: '192.168.50.11' },
                { type: 'InternalIP', address: 'FD00::11' },
                { type: 'Hostname', address: 'n1' },
                { type: 'ExternalIP', address: '198.51.100.7' },
              ],
              conditions: [{ type: 'Ready', status: 'True' }],
              nodeInfo: { kubeletVersion: 'v1.36.3+k3s1' },
            },
          },
        ],
      }),
    );
    expect(node).toMatchObject({
      name: 'n1',
      internalIps: ['192.168.50.11', 'fd00::11'],
      externalIps: ['198.51.100.7'],
      isReady: true,
      kubeletVersion: 'v1.36.3+k3s1',
      flannel: {
        backendType: 'vxlan',
        publicIp: '192.168.50.11',
        vtepMac: '7a:e1:15:fc:a3:c3',
        vni: 1,
        publicIpv6: 'fd00::11',
        vtepMacV6: '02:00:00:00:00:06',
      },
    });
    expect(node?.podCidrs.map(formatPrefix)).toEqual(['10.42.0.0/24', 'fd42::/64']);
  });

  test('a pod that crashes', () => {
    const [pod] = podsOf(
      objectsOf({
        kind: 'PodList',
        items: [
          {
            metadata: {
              name: 'api-7d9',
              namespace: 'swimto',
              uid: 'u1',
              labels: { app: 'api' },
              deletionTimestamp: '2026-01-20T19:04:11Z',
              ownerReferences: [
                { kind: 'X', name: 'x' },
                { kind: 'ReplicaSet', name: 'api-7d', controller: true },
              ],
            },
            spec: {
              nodeName: 'n2',
              dnsPolicy: 'ClusterFirst',
              initContainers: [{ name: 'wait' }],
              containers: [
                {
                  name: 'api',
                  ports: [{ containerPort: 8000 }, { containerPort: 53, protocol: 'UDP', name: 'dns' }],
                },
              ],
            },
            status: {
              phase: 'Running',
              podIP: '10.42.1.7',
              podIPs: [{ ip: '10.42.1.7' }, { ip: 'fd42::7' }],
              conditions: [{ type: 'Ready', status: 'False' }],
              initContainerStatuses: [
                { name: 'wait', ready: true, state: { terminated: { exitCode: 0, reason: 'Completed' } } },
              ],
              containerStatuses: [
                {
                  name: 'api',
                  ready: false,
                  restartCount: 31,
                  state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } },
                  lastState: {
                    terminated: { exitCode: 1, reason: 'Error', finishedAt: 'T', message: 'boom' },
                  },
                },
              ],
            },
          },
        ],
      }),
    );
    expect(withoutEvidence(pod)).toEqual(
      withoutEvidence({
        namespace: 'swimto',
        name: 'api-7d9',
        uid: 'u1',
        nodeName: 'n2',
        isHostNetwork: false,
        ips: ['10.42.1.7', 'fd42::7'],
        phase: 'Running',
        isReady: false,
        isTerminating: true,
        labels: new Map([['app', 'api']]),
        containers: [
          {
            name: 'wait',
            isInit: true,
            isReady: true,
            restartCount: 0,
            ports: [],
            lastTermination: { reason: 'Completed', exitCode: 0 },
            isRunning: false,
          },
          {
            name: 'api',
            isInit: false,
            isReady: false,
            restartCount: 31,
            ports: [
              { port: 8000, protocol: 'tcp' },
              { name: 'dns', port: 53, protocol: 'udp' },
            ],
            waitingReason: 'CrashLoopBackOff',
            waitingMessage: 'back-off',
            lastTermination: { reason: 'Error', exitCode: 1, message: 'boom', finishedAt: 'T' },
            isRunning: false,
          },
        ],
        dnsPolicy: 'ClusterFirst',
        owner: { kind: 'ReplicaSet', name: 'api-7d' },
      }),
    );
  });

  test('services: headless, external name, and one with ports', () => {
    const items = [
      named('a', 's', { spec: { clusterIP: 'None', clusterIPs: ['None'], selector: { app: 'a' } } }),
      named('b', 's', { spec: { type: 'ExternalName', externalName: 'x.example' } }),
      named('c', 's', {
        spec: {
          type: 'NodePort',
          clusterIP: '10.43.0.10',
          clusterIPs: ['10.43.0.10', 'fd43::a'],
          externalIPs: ['192.0.2.9'],
          externalTrafficPolicy: 'Local',
          ports: [
            { port: 53, protocol: 'UDP', targetPort: 'dns', nodePort: 30053, name: 'dns' },
            { port: 80, targetPort: 8080 },
          ],
        },
      }),
    ];
    const [headless, external, ported] = servicesOf(objectsOf({ kind: 'ServiceList', items }));
    expect(headless).toMatchObject({ isHeadless: true, clusterIps: [], type: 'ClusterIP' });
    expect(external).toMatchObject({ isHeadless: false, clusterIps: [], type: 'ExternalName' });
    expect(ported).toMatchObject({
      clusterIps: ['10.43.0.10', 'fd43::a'],
      externalIps: ['192.0.2.9'],
      externalTrafficPolicy: 'Local',
      ports: [
        { name: 'dns', protocol: 'udp', port: 53, targetPort: 'dns', nodePort: 30053 },
        { protocol: 'tcp', port: 80, targetPort: '8080' },
      ],
    });
  });

  test('slices: a condition that is not there is ready and not terminating', () => {
    const items = [
      {
        metadata: { name: 'web-1', namespace: 's', labels: { 'kubernetes.io/service-name': 'web' } },
        ports: [{ name: 'http', port: 8000, protocol: 'TCP' }],
        endpoints: [
          {
            addresses: ['10.42.1.11'],
            targetRef: { kind: 'Pod', name: 'web-a', namespace: 's' },
            nodeName: 'n2',
          },
          {
            addresses: ['10.42.1.12'],
            conditions: { ready: false, terminating: true },
            targetRef: { kind: 'Node', name: 'x' },
          },
        ],
      },
      {
        metadata: { name: 'web-2', namespace: 's', labels: { 'kubernetes.io/service-name': 'web' } },
        endpoints: null,
        ports: null,
      },
      { metadata: { name: 'stray', namespace: 's' }, endpoints: [{ addresses: ['10.42.1.13'] }] },
    ];
    expect(endpointsOfSlices(objectsOf({ kind: 'EndpointSliceList', items }))).toMatchObject([
      {
        serviceName: 'web',
        namespace: 's',
        ports: [{ name: 'http', port: 8000, protocol: 'tcp' }],
        endpoints: [
          {
            addresses: ['10.42.1.11'],
            isReady: true,
            isTerminating: false,
            nodeName: 'n2',
            targetPod: 's/web-a',
          },
          { addresses: ['10.42.1.12'], isReady: false, isTerminating: true },
        ],
      },
      { serviceName: 'web', ports: [], endpoints: [] },
    ]);
  });

  test('endpoints: one fact a subset', () => {
    const items = [
      named('web', 's', {
        subsets: [
          {
            addresses: [{ ip: '10.42.1.11' }],
            notReadyAddresses: [{ ip: '10.42.1.12' }],
            ports: [{ port: 8000 }],
          },
          { addresses: [{ ip: '10.42.1.13' }], ports: [{ port: 9000, protocol: 'UDP' }] },
        ],
      }),
    ];
    expect(endpointsOfEndpoints(objectsOf({ kind: 'EndpointsList', items }))).toMatchObject([
      {
        evidence: { at: '/items/0/subsets/0' },
        endpoints: [
          { addresses: ['10.42.1.11'], isReady: true },
          { addresses: ['10.42.1.12'], isReady: false },
        ],
      },
      { ports: [{ port: 9000, protocol: 'udp' }], endpoints: [{ addresses: ['10.42.1.13'] }] },
    ]);
  });

  test('no shape of an object makes a projection throw', () => {
    const shape = fc.letrec((tie) => ({
      value: fc.oneof(
        fc.constantFrom(null, 0, '', 'x', true),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(
          fc.constantFrom(
            'spec',
            'status',
            'ports',
            'containers',
            'conditions',
            'podIPs',
            'addresses',
            'subsets',
            'endpoints',
            'state',
            'name',
            'labels',
            'annotations',
          ),
          tie('value'),
          { maxKeys: 5 },
        ),
      ),
    })).value;
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('spec', 'status', 'subsets', 'endpoints', 'ports'), shape),
        (rest) => {
          const objects = objectsOf({ kind: 'List', items: [{ ...rest, metadata: { name: 'x' } }] });
          for (const project of [nodesOf, podsOf, servicesOf, endpointsOfSlices, endpointsOfEndpoints]) {
            expect(() => project(objects)).not.toThrow();
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
