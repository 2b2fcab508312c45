// Whether a device is a tunnel that is not the pod network's own.
import type { World } from './world.ts';

const tunnelKinds: readonly string[] = [
  'tun',
  'wireguard',
  'ipip',
  'gre',
  'sit',
  'ip6tnl',
  'vti',
  'xfrm',
  'ppp',
];

export function isTunnelDevice(world: World, namespace: string, link: string): boolean {
  const fact = world.network.namespaces.get(namespace)?.linksByName.get(link);
  if (fact === undefined) return false;
  return tunnelKinds.includes(fact.kind) || fact.flags.includes('POINTOPOINT');
}
