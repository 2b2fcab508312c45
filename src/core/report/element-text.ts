// The pieces of state that decided a hop, in the words of the command that shows them, so that a person can compare.
import { formatRoute, formatRule } from '../snapshot/format-routing.ts';
import type { Element } from '../trace/flow.ts';

/** `5270: from all lookup 52`, `10.42.0.0/16 dev tailscale0 table 52`, `net.ipv4.ip_forward = 0`. */
export function formatElement(element: Element): string {
  switch (element.kind) {
    case 'rule':
      return formatRule(element.rule);
    case 'route':
      return formatRoute(element.route);
    case 'sysctl':
      return `${element.key} = ${element.value}`;
    case 'neighbor': {
      const { address, link, mac, states } = element.neighbor;
      return joinWords(address, `dev ${link}`, mac && `lladdr ${mac}`, states.join(' '));
    }
    case 'fdb': {
      const { mac, link, remote, state } = element.fdb;
      return joinWords(mac, `dev ${link}`, remote && `dst ${remote}`, state);
    }
    case 'link':
      return `${element.link.name}: <${element.link.flags.join(',')}>`;
    case 'absence':
      return joinWords(
        `no ${element.of}`,
        element.address && `for ${element.address}`,
        element.mac && `for ${element.mac}`,
        element.link && `on ${element.link}`,
      );
  }
}

function joinWords(...words: readonly (string | undefined)[]): string {
  return words.filter((word) => word !== undefined && word !== '').join(' ');
}
