import { describe, expect, it } from 'vitest';
import type { MachineResult } from './collect-machines.ts';
import { mergeMachines } from './merge-machines.ts';
import { placeMachine, readClusterNodes } from './place-machine.ts';
import { describeLocalMachine, describeSshMachine } from './source.ts';
import type { MachineSource } from './source.ts';

const local = describeLocalMachine('node', 'laptop');

function resultOf(name: string, source: MachineSource = local, address = '192.168.1.12'): MachineResult {
  const text = JSON.stringify([{ addr_info: [{ local: '127.0.0.1' }, { local: address }] }]);
  return {
    source,
    name,
    files: new Map([[`nodes/${name}/ip-addr.json`, new TextEncoder().encode(text)]]),
    items: [{ path: `nodes/${name}/ip-addr.json`, exit: 0 }],
  };
}

const nodes = [
  { name: 'node-1', addresses: ['192.168.1.11'] },
  { name: 'node-2', addresses: ['192.168.1.12', 'fd00::12'] },
];

describe('placeMachine', () => {
  it('gives a node the name under which the cluster knows its address', () => {
    const placed = placeMachine(resultOf('pi4'), nodes);
    expect(placed.name).toBe('node-2');
    expect([...placed.files.keys()]).toEqual(['nodes/node-2/ip-addr.json']);
    expect(placed.items[0]!.path).toBe('nodes/node-2/ip-addr.json');
  });

  it('takes this machine for an outsider when the cluster does not know it', () => {
    const placed = placeMachine(resultOf('laptop', local, '192.168.1.99'), nodes);
    expect([...placed.files.keys()]).toEqual(['hosts/laptop/ip-addr.json']);
    expect(placed.source.kind).toBe('host');
  });

  it('leaves a machine that was named with --node a node', () => {
    const source = describeSshMachine({ destination: 'pi5' }, 'node');
    expect(placeMachine(resultOf('pi5', source, '192.168.1.99'), nodes).name).toBe('pi5');
  });

  it('never changes a name that the user gave, nor anything without the cluster’s nodes', () => {
    const source = describeSshMachine({ destination: 'pi5', name: 'mine' }, 'node');
    expect(placeMachine(resultOf('mine', source), nodes).name).toBe('mine');
    expect(placeMachine(resultOf('laptop'), undefined).source.kind).toBe('node');
  });

  it('does not guess between two nodes of one address', () => {
    const twins = [...nodes, { name: 'node-3', addresses: ['192.168.1.12'] }];
    expect(placeMachine(resultOf('laptop'), twins).name).toBe('laptop');
  });
});

describe('readClusterNodes', () => {
  it('reads names and addresses, and survives anything', () => {
    const list = {
      items: [
        {
          metadata: { name: 'node-1' },
          status: {
            addresses: [
              { type: 'InternalIP', address: '10.0.0.1' },
              { type: 'Hostname', address: 'x' },
            ],
          },
        },
        { metadata: { name: 'bare' } },
        null,
      ],
    };
    const read = (value: unknown): unknown =>
      readClusterNodes(new TextEncoder().encode(JSON.stringify(value)));
    expect(read(list)).toEqual([
      { name: 'node-1', addresses: ['10.0.0.1'] },
      { name: 'bare', addresses: [] },
    ]);
    expect(read({})).toBeUndefined();
    expect(readClusterNodes(undefined)).toBeUndefined();
    expect(readClusterNodes(new TextEncoder().encode('{"items":['))).toBeUndefined();
  });
});

describe('mergeMachines', () => {
  it('keeps the first of two machines with one name and says so of the other', () => {
    const second = describeSshMachine({ destination: 'root@pi' }, 'node');
    const merged = mergeMachines([resultOf('n1'), resultOf('n1', second, '10.9.9.9'), resultOf('n2')]);
    expect([...merged.files.keys()]).toEqual(['nodes/n1/ip-addr.json', 'nodes/n2/ip-addr.json']);
    expect(new TextDecoder().decode(merged.files.get('nodes/n1/ip-addr.json'))).toContain('192.168.1.12');
    expect(merged.results[1]!.failure!.detail).toBe(
      'calls itself n1, as this machine does; tell them apart with NAME=root@pi',
    );
    expect(merged.items).toHaveLength(2);
  });

  it('prefers a machine that gave something to one of the same name that did not', () => {
    const silent = {
      ...resultOf('n1'),
      files: new Map(),
      items: [{ path: 'nodes/n1/', problem: 'failed' as const }],
    };
    const merged = mergeMachines([silent, resultOf('n1')]);
    expect(merged.items).toEqual([{ path: 'nodes/n1/ip-addr.json', exit: 0 }]);
  });
});
