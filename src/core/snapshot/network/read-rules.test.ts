import { describe, expect, test } from 'vitest';
import { makeFile, makeJsonFile } from '../../../../test/evidence/make-file.ts';
import type { Family } from '../../net/address.ts';
import type { RuleFact } from '../namespace-facts.ts';
import { readRulesJson, readRulesText } from './read-rules.ts';

function ofJson(row: object, family: Family = 4): RuleFact {
  const reading = readRulesJson(makeJsonFile('r.json', [row]), family);
  if (!reading.isUnderstood) throw new Error(reading.detail);
  return reading.value[0]!;
}

function ofText(text: string, family: Family = 4): RuleFact {
  const reading = readRulesText(makeFile('r.txt', `${text}\n`), family);
  if (!reading.isUnderstood) throw new Error(reading.detail);
  return reading.value[0]!;
}

describe('rules in JSON', () => {
  test('keys that are merely there count, whatever their value', () => {
    const rule = ofJson({
      priority: 1,
      not: null,
      src: 'all',
      iif: 'a',
      iif_detached: null,
      oif: 'b',
      oif_detached: null,
      nop: null,
    });
    expect(rule).toMatchObject({
      isInverted: true,
      isInputDetached: true,
      isOutputDetached: true,
      action: { kind: 'nop' },
      opaqueSelectors: [],
    });
    expect(rule.from).toBeUndefined();
  });

  test('marks, ranges and names become numbers', () => {
    const rule = ofJson({
      priority: 5210,
      src: '10.0.0.0',
      srclen: 8,
      dst: '10.42.0.1',
      fwmark: '0x80000',
      fwmask: '0xff0000',
      tos: 'lowdelay',
      dscp: 'CS1',
      ipproto: 'ipv6-icmp',
      sport_start: 10,
      sport_end: 20,
      dport: 443,
      uid_start: 0,
      uid_end: 0,
      table: '254',
      suppress_prefixlen: 0,
      suppress_ifgroup: 'default',
      protocol: '2',
    });
    expect(rule).toMatchObject({
      from: { address: '10.0.0.0', length: 8 },
      to: { address: '10.42.0.1', length: 32 },
      mark: { value: 0x80000, mask: 0xff0000 },
      tos: 0x10,
      dscp: 8,
      ipProtocol: 58,
      sourcePorts: { from: 10, to: 20 },
      destinationPorts: { from: 443, to: 443 },
      uids: { from: 0, to: 0 },
      action: { kind: 'lookup', table: 'main' },
      suppressPrefixLength: 0,
      suppressGroup: 'default',
      protocol: 'kernel',
      opaqueSelectors: [],
    });
    expect(ofJson({ priority: 1, src: 'all', fwmark: '0x5', table: 'x' }).mark).toEqual({
      value: 5,
      mask: 0xffffffff,
    });
  });

  test.each([
    [{ tun_id: 5 }, 'tun_id 5'],
    [{ sport: 80, sport_mask: '0xfff0' }, 'sport 0x50/0xfff0'],
    [{ dscp: 'CS1', dscp_mask: '0x38' }, 'dscp 0x8/0x38'],
    [{ flowlabel: '0x5', flowlabel_mask: '0xfffff' }, 'flowlabel 0x5'],
    [{ from_the_future: { a: 1 } }, 'from_the_future {"a":1}'],
    [{ tos: 'my-own-name' }, 'tos my-own-name'],
    [{ ipproto: 'my-own-name' }, 'ipproto my-own-name'],
    [{ src: 'my-own-name' }, 'from my-own-name'],
  ])('%j is a selector that is not known', (selector, words) => {
    expect(ofJson({ priority: 1, src: 'all', table: 'main', ...selector }).opaqueSelectors).toEqual([words]);
  });

  test('masks of every bit, realms and an unresolved goto are no selectors', () => {
    const rule = ofJson({
      priority: 1,
      src: 'all',
      dport: 53,
      dport_mask: '0xffff',
      flow_from: '3',
      flow_to: '4',
      goto: 9000,
      unresolved: null,
    });
    expect(rule.opaqueSelectors).toEqual([]);
    expect(rule.action).toEqual({ kind: 'goto', priority: 9000 });
  });

  test.each([
    [{ action: 'unreachable' }, { kind: 'unreachable' }],
    [{ action: 'blackhole' }, { kind: 'blackhole' }],
    [{ action: 'prohibit' }, { kind: 'prohibit' }],
    [{ l3mdev: null }, { kind: 'opaque', text: 'lookup [l3mdev-table]' }],
    [
      { table: 'main', masquerade: null },
      { kind: 'opaque', text: 'nat' },
    ],
    [{ goto: 'none' }, { kind: 'opaque', text: 'goto' }],
    [{ action: 'later' }, { kind: 'opaque', text: 'later' }],
    [{}, { kind: 'opaque', text: 'no action' }],
  ])('%j does %j', (row, action) => {
    expect(ofJson({ priority: 1, src: 'all', ...row }).action).toEqual(action);
  });

  test('a rule of the other family costs the whole file', () => {
    const file = makeJsonFile('r.json', [{ priority: 1, src: 'fd00::', srclen: 8, table: 'main' }]);
    expect(readRulesJson(file, 4)).toEqual({ isUnderstood: false, detail: 'not understood at /0' });
  });
});

describe('rules as text', () => {
  test('unknown words are opaque selectors up to the next known one', () => {
    const rule = ofText('7:\tfrom all shinynew a b to 10.0.0.0/8 tun_id 5 lookup main');
    expect(rule.opaqueSelectors).toEqual(['shinynew a b', 'tun_id 5']);
    expect(rule.to?.length).toBe(8);
    expect(rule.action).toEqual({ kind: 'lookup', table: 'main' });
    expect(rule.isPartial).toBeUndefined();
  });

  test('a device may be named like a key', () => {
    expect(ofText('7:\tfrom all iif lookup oif not [detached] lookup 52')).toMatchObject({
      inputLink: 'lookup',
      outputLink: 'not',
      isOutputDetached: true,
      isInverted: false,
      action: { kind: 'lookup', table: '52' },
    });
  });

  test('the protocol of busybox rules is not guessed, and they are partial', () => {
    const reading = readRulesText(
      makeFile('r.txt', '0:\tfrom all lookup local \n52:\tfrom all lookup 52 \n'),
      4,
    );
    expect(reading).toMatchObject({ isUnderstood: true, value: [{ isPartial: true }, { isPartial: true }] });
    expect(reading.isUnderstood && reading.notes.map((note) => note.code)).toEqual(['odd-input']);
  });

  test.each([
    ['RTNETLINK answers: Operation not supported', 'not understood at line 1'],
    ['7:', 'not understood at line 1'],
    ['7:\tfrom', 'not understood at line 1'],
    ['7:\tfrom all lookup main suppress_prefixlength many', 'not understood at line 1'],
  ])('%j is %s', (text, detail) => {
    expect(readRulesText(makeFile('r.txt', `${text}\n`), 4)).toEqual({ isUnderstood: false, detail });
  });
});
