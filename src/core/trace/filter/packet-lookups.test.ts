// What fib and rpfilter find of the way back: the route as it is for anybody, and whether it leads through the device.
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../net/address.ts';
import type { Address } from '../../net/address.ts';
import { namespaceFrom } from '../../../../test/oracle/written-namespace.ts';
import { makePacketLookups } from './packet-lookups.ts';

describe('makePacketLookups', () => {
  it('fails a device that another table would have led through', () => {
    const namespace = namespaceFrom({
      'ip-rule-4.txt': `
        0: from all lookup local
        5000: from all fwmark 0x100/0x100 lookup 100
        32766: from all lookup main
        32767: from all lookup default`,
      'ip-route-4.txt': `
        unicast default via 192.0.2.1 dev eth0 table 100 proto boot scope global
        unicast 10.42.3.0/24 via 192.0.2.129 dev eth1 proto boot scope global`,
    });
    const { routeLinkOf } = makePacketLookups(namespace);
    const address = parseAddress('10.42.3.5') as Address;
    expect(routeLinkOf({ address })).toBe('eth1');
    expect(routeLinkOf({ address, link: 'eth1' })).toBe('eth1');
    expect(routeLinkOf({ address, link: 'eth1', mark: 0x100 })).toBe('');
    expect(routeLinkOf({ address, link: 'eth0', mark: 0x100 })).toBe('eth0');
  });
});
