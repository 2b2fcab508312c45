// Symptom  Pods reach nothing beyond their node, or not even the next pod; CoreDNS and whatever needs it crash-loop.
// Cause    A firewall on the node drops what the node forwards for pods, or what pods send to the node.
// Known by Letting the pod network pass (and nothing else) makes the failing flows arrive.
// Repair   Let the pod network pass, in the firewall's own configuration, so that its next reload keeps it.
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import type { CauseGroup } from '../cause-group.ts';
import { listDroppedPackets } from '../dropped-packets.ts';
import { findFirewalls, nameOwners } from '../filter-owner.ts';
import type { FilterOwner } from '../filter-owner.ts';
import { filterElements, ownersOf, quoteFirst } from './filter-changes.ts';
import { capitalise } from './host-firewall-drops-overlay.ts';
import { isVerdictCause } from './verdict-cause.ts';
import { findPolicyElements } from './policy-elements.ts';
import type { World } from '../world.ts';
import { isPodAddress } from '../../model/cluster-network.ts';

export const hostFirewallDropsPodTraffic: CatalogueEntry = {
  text: {
    code: 'host-firewall-drops-pod-traffic',
    layer: 'netfilter',
    title: 'A firewall on a node drops the traffic of pods',
    meaning:
      'A node forwards every packet of its pods, so a FORWARD policy of DROP takes all of them unless a rule lets the pod network pass. Docker sets that policy when it switches forwarding on itself, ufw unless DEFAULT_FORWARD_POLICY says otherwise; firewalld ends its own chains with a REJECT, and in nftables an accept elsewhere does not help against it. Restarting pods changes nothing, and after a reload of the firewall it is back.',
    howProved:
      'The failing flows end at this policy or rule, and letting the pod network pass there alone makes them arrive on the model, both ways.',
    byHand: [
      'Who drops, and does it count packets?',
      '$ iptables -nvL FORWARD',
      '$ nft list ruleset',
      'ufw: let the pod network pass, and keep it:',
      '$ ufw route allow in on cni0 && ufw route allow out on cni0 && ufw allow in on cni0',
      'firewalld: the pod network’s devices belong to the trusted zone:',
      '$ firewall-cmd --permanent --zone=trusted --add-interface=cni0 --add-interface=flannel.1 && firewall-cmd --reload',
      'Docker: its own chain for others’ rules; from 28.0 "ip-forward-no-drop": true in daemon.json keeps it from setting the policy:',
      '$ iptables -I DOCKER-USER -s 10.42.0.0/16 -j ACCEPT && iptables -I DOCKER-USER -d 10.42.0.0/16 -j ACCEPT',
    ],
    sources: [
      'moby 28.0, libnetwork/drivers/bridge/setup_ip_forwarding.go (policy DROP where it enabled forwarding; --ip-forward-no-drop)',
      'ufw 0.36, /etc/default/ufw (DEFAULT_FORWARD_POLICY) and ufw(8) (route)',
      'firewalld documentation, zones (trusted) and its nftables back end; k3s documentation, Requirements',
      'flannel 0.28, pkg/trafficmngr/iptables (FLANNEL-FWD accepts the pod network)',
    ],
  },
  name: (group, world) => {
    const packets = listDroppedPackets(group);
    const isPodTraffic = packets.some(
      ({ packet }) =>
        isPodAddress(world.network.clusterNetwork, packet.source) ||
        isPodAddress(world.network.clusterNetwork, packet.destination),
    );
    if (!isVerdictCause(group) || !isPodTraffic) return undefined;
    const elements = listElements(group, world);
    const nodes = joinNames(group.namespaces);
    const owner = nameOwners(listOwners(group, world));
    return {
      code: 'host-firewall-drops-pod-traffic',
      layer: 'netfilter',
      title: `${capitalise(owner)} on ${nodes} drops the traffic of pods.`,
      explanation: `On ${nodes} packets of pods end at ${quoteFirst(elements)}. ${isRewrite(group) ? 'flannel’s own rules would let the pod network pass, and they are not there. ' : ''}Whoever set this up did not reckon with pods, whose every packet the node forwards.`,
      subjects: group.namespaces,
      elements,
    };
  },
};

function isRewrite(group: CauseGroup): boolean {
  return group.changes.some((change) => change.kind === 'rewrite-filter');
}

/** Where flannel's rules are what is missing, the policy that needs them is what a person must see. */
function listElements(group: CauseGroup, world: World): ReturnType<typeof filterElements> {
  const policies = isRewrite(group) ? findPolicyElements(group) : [];
  return policies.length > 0 ? policies.map(({ element }) => element) : filterElements(group, world);
}

function listOwners(group: CauseGroup, world: World): readonly FilterOwner[] {
  const ofPolicies = findPolicyElements(group).flatMap(({ chain, element }) =>
    findFirewalls(world.network.namespaces.get(element.in)?.facts.filter, chain),
  );
  return [...new Set([...ownersOf(group, world), ...ofPolicies])];
}
