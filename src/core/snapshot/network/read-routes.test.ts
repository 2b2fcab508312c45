import { describe, expect, test } from 'vitest';
import { makeFile, makeJsonFile } from '../../../../test/evidence/make-file.ts';
import type { Family } from '../../net/address.ts';
import type { RouteFact } from '../namespace-facts.ts';
import { readRoutesJson, readRoutesText } from './read-routes.ts';

function ofJson(rows: unknown, family: Family = 4): readonly RouteFact[] {
  const reading = readRoutesJson(makeJsonFile('r.json', rows), family);
  if (!reading.isUnderstood) throw new Error(reading.detail);
  return reading.value;
}

function ofText(text: string, family: Family = 4): readonly RouteFact[] {
  const reading = readRoutesText(makeFile('r.txt', text), family);
  if (!reading.isUnderstood) throw new Error(reading.detail);
  return reading.value;
}

describe('routes in JSON', () => {
  test('what is left out without -d has its default', () => {
    expect(ofJson([{ dst: '10.42.0.0/16', dev: 'tailscale0', flags: [] }])).toEqual([
      {
        evidence: { path: 'r.json', at: '/0' },
        family: 4,
        type: 'unicast',
        destination: { family: 4, address: '10.42.0.0', length: 16 },
        table: 'main',
        protocol: 'boot',
        scope: 'global',
        metric: 0,
        tos: 0,
        nexthops: [{ link: 'tailscale0', weight: 1, flags: [] }],
      },
    ]);
  });

  test.each([
    ['254', 'main'],
    ['255', 'local'],
    ['253', 'default'],
    [254, 'main'],
    ['main', 'main'],
    ['52', '52'],
    ['vpn', 'vpn'],
  ])('table %j is %s', (table, name) => {
    expect(ofJson([{ dst: '10.0.0.0/8', dev: 'x', table }])[0]?.table).toBe(name);
  });

  test.each(['default', '0.0.0.0/0'])('%s is the default route', (dst) => {
    expect(ofJson([{ dst, dev: 'x' }])[0]?.destination).toEqual({ family: 4, address: '0.0.0.0', length: 0 });
  });

  test('gateways of the other family, nexthop objects, metrics, flags on the nexthop', () => {
    const [first, second] = ofJson([
      {
        dst: '10.0.0.0/8',
        via: { family: 'inet6', host: 'FE80::1' },
        dev: 'eth0',
        flags: ['onlink', 'linkdown'],
        metrics: [{ advmss: 1200 }, { mtu: 1280 }],
        nhid: 7,
        tos: 'CS1',
        prefsrc: '10.0.0.1',
      },
      {
        dst: '10.1.0.0/16',
        flags: [],
        nexthops: [
          { gateway: '192.0.2.1', dev: 'a', weight: 3, flags: ['dead'] },
          { via: { family: 'inet6', host: 'fe80::2' }, dev: 'b', weight: 1, flags: [] },
        ],
      },
    ]);
    expect(first).toMatchObject({ mtuBytes: 1280, nexthopId: 7, tos: 0x20, preferredSource: '10.0.0.1' });
    expect(first?.nexthops).toEqual([
      { link: 'eth0', gateway: 'fe80::1', weight: 1, flags: ['onlink', 'linkdown'] },
    ]);
    expect(second?.nexthops).toEqual([
      { link: 'a', gateway: '192.0.2.1', weight: 3, flags: ['dead'] },
      { link: 'b', gateway: 'fe80::2', weight: 1, flags: [] },
    ]);
  });

  test.each([
    ['an encapsulation', { dst: '10.0.0.0/8', dev: 'x', encap: 'mpls' }],
    ['no nexthop at all', { dst: '10.0.0.0/8' }],
    ['a type of the future', { type: 'teleport', dst: '10.0.0.0/8', dev: 'x' }],
    ['an unknown TOS', { dst: '10.0.0.0/8', dev: 'x', tos: 'my-name' }],
  ])('%s makes a route opaque', (_why, row) => {
    expect(ofJson([row])[0]?.type).toBe('opaque');
  });

  test.each(['throw', 'blackhole', 'prohibit', 'unreachable'])('%s needs no device', (type) => {
    expect(ofJson([{ type, dst: '10.0.0.0/8', metric: 4278198272 }])[0]).toMatchObject({
      type,
      metric: 4278198272,
      nexthops: [],
    });
  });

  test('rows of the other family are ignored with a note; a default is of the family of its own kind', () => {
    const rows = [
      { dst: 'default', gateway: '192.0.2.1', dev: 'eth0' },
      { dst: 'default', gateway: 'fe80::1', dev: 'eth0', metric: 1024, pref: 'medium' },
      { dst: 'fe80::/64', dev: 'eth0', pref: 'medium' },
    ];
    const reading = readRoutesJson(makeJsonFile('r.json', rows), 4);
    expect(reading).toMatchObject({ isUnderstood: true, value: [{ nexthops: [{ gateway: '192.0.2.1' }] }] });
    expect(reading.isUnderstood && reading.notes.map((note) => note.text)).toEqual([
      'r.json holds 2 routes that are not IPv4; they are ignored there.',
    ]);
  });

  test.each([
    ['no destination', [{ dev: 'x' }], 'not understood at /0'],
    [
      'a broken destination',
      [
        { dst: '10.0.0.0/8', dev: 'x' },
        { dst: '10.0.0/8', dev: 'x' },
      ],
      'not understood at /1',
    ],
    ['a broken gateway', [{ dst: '10.0.0.0/8', gateway: '10.0.0', dev: 'x' }], 'not understood at /0'],
    ['a row that is no object', [7], 'not understood at /0'],
    ['no list', { dst: 'default' }, 'not a JSON list'],
  ])('%s costs the whole file', (_what, rows, detail) => {
    expect(readRoutesJson(makeJsonFile('r.json', rows), 4)).toEqual({ isUnderstood: false, detail });
  });

  test('empty objects, which iproute2 leaves where a filter took a row out, are no rows', () => {
    expect(ofJson([{}, { dst: 'default', dev: 'x' }, {}])).toHaveLength(1);
  });
});

describe('routes as text', () => {
  test('multipath, on lines of its own or on one line', () => {
    const apart = ofText(
      'default proto static \n\tnexthop via 192.0.2.1 dev a weight 1 \n\tnexthop dev b weight 2 onlink \n',
    );
    const joined = ofText(
      'default proto static \\ nexthop via 192.0.2.1 dev a weight 1 \\ nexthop dev b weight 2 onlink\n',
    );
    expect(apart[0]?.nexthops).toEqual([
      { gateway: '192.0.2.1', link: 'a', weight: 1, flags: [] },
      { link: 'b', weight: 2, flags: ['onlink'] },
    ]);
    expect(joined).toEqual(apart);
  });

  test('a device may be named like a key', () => {
    expect(ofText('10.0.0.0/8 via 192.0.2.1 dev metric metric 7 proto kernel \n')[0]).toMatchObject({
      metric: 7,
      nexthops: [{ link: 'metric' }],
    });
  });

  test('an encapsulation is opaque, with its gateway', () => {
    const [route] = ofText(
      '10.0.0.0/8 encap ip id 5 src 10.0.0.1 dst 10.0.0.2 ttl 0 tos 0 via 192.0.2.1 dev eth0 proto static \n',
    );
    expect(route).toMatchObject({ type: 'opaque', nexthops: [{ gateway: '192.0.2.1', link: 'eth0' }] });
  });

  test.each([
    ['10.0.0.0/8 dev\n', 'not understood at line 1'],
    ['default via 192.0.2.1 dev eth0\nDump terminated\n', 'not understood at line 2'],
    ['10.0.0.0/8 via inet6\n', 'not understood at line 1'],
    ['10.0.0.0/8 dev x metric lots\n', 'not understood at line 1'],
    ['\tnexthop via 192.0.2.1\n', 'not understood at line 1'],
    ['default dev eth0\n10.0.0.0/8 dev eth0 table 5', 'cut off at byte 44 (its last line does not end)'],
    ['default dev eth0\n10.0.0.0/8 dev \0\n', 'not text at line 2'],
  ])('%j is %s', (text, detail) => {
    expect(readRoutesText(makeFile('r.txt', text), 4)).toEqual({ isUnderstood: false, detail });
  });

  test('carriage returns at line ends are no words', () => {
    expect(ofText('default via 192.0.2.1 dev eth0 proto static\r\n')[0]?.nexthops[0]?.link).toBe('eth0');
  });
});

test('20,000 routes are read, each with its place', () => {
  const rows = Array.from({ length: 20_000 }, (_, index) => ({
    type: 'unicast',
    dst: `10.${index >> 8}.${index & 255}.0/24`,
    gateway: '192.0.2.1',
    dev: 'eth0',
    table: '52',
    protocol: 'bird',
    scope: 'global',
    flags: [],
  }));
  const routes = ofJson(
    rows.map((row) => ({
      ...row,
      dst: row.dst.replace(/^10\.(\d+)/, (_, high: string) => `10.${Number(high) % 256}`),
    })),
  );
  expect(routes).toHaveLength(20_000);
  expect(routes[19_999]?.evidence.at).toBe('/19999');
});
