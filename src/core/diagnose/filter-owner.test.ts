// Whose chain it is, by its name; and who drops invalid packets.
import { expect, it } from 'vitest';
import { findOwner, nameOwners } from './filter-owner.ts';
import { dropsInvalid } from './invalid-packets.ts';
import { findLocalService } from './propose-cluster-policy.ts';

it.each([
  ['KUBE-SVC-ABCDEFGH', 'kube-proxy'],
  ['KUBE-FIREWALL', 'kube-proxy'],
  ['KUBE-POD-FW-ABCDEFGH', 'network-policy'],
  ['KUBE-ROUTER-FORWARD', 'network-policy'],
  ['cali-FORWARD', 'network-policy'],
  ['FLANNEL-FWD', 'flannel'],
  ['ts-input', 'tailscale'],
  ['CNI-HOSTPORT-DNAT', 'portmap'],
  ['DOCKER-USER', 'docker'],
  ['ufw-before-input', 'ufw'],
  ['ufw6-user-forward', 'ufw'],
  ['IN_public_allow', 'firewalld'],
  ['f2b-sshd', 'fail2ban'],
  ['INPUT', 'unknown'],
  ['my-tsx', 'unknown'],
])('%s is of %s', (chain, owner) => {
  expect(findOwner({ chain, table: 'filter', origin: 'iptables-nft' })).toBe(owner);
});

it.each([
  ['firewalld', 'filter_INPUT', 'firewalld'],
  ['kube-proxy', 'services', 'kube-proxy'],
  ['filter', 'input', 'unknown'],
])('the nftables table %s', (table, chain, owner) => {
  expect(findOwner({ chain, table, origin: 'nftables' })).toBe(owner);
});

it('several are told apart by nobody', () => {
  expect(nameOwners(['ufw', 'docker'])).toBe('ufw or Docker');
  expect(nameOwners(['unknown'])).toBe('the host’s packet filter');
});

it.each([
  ['-m conntrack --ctstate INVALID -j DROP', true],
  ['-m state --state INVALID -j DROP', true],
  ['ct state invalid drop', true],
  ['-m comment --comment "block invalid guests" -j DROP', false],
  ['-p tcp -j DROP', false],
])('%s', (text, expected) => {
  expect(dropsInvalid(text)).toBe(expected);
});

it.each([
  ['-m comment --comment "shop/front:http has no local endpoints" -j DROP', 'service/shop/front'],
  ['-m comment --comment "shop/front has no local endpoints" -j DROP', 'service/shop/front'],
  ['-m comment --comment "shop/front:http has no endpoints" -j REJECT', undefined],
])('%s', (text, service) => {
  expect(findLocalService(text)).toBe(service);
});
