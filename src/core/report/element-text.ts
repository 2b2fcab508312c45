// The pieces of state that decided a hop, in the words of the command that shows them, so that a person can compare.
import { formatRoute, formatRule } from '../snapshot/format-routing.ts';
import { formatConnection, formatFilterPolicy, formatFilterRule } from '../snapshot/format-filter.ts';
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
    case 'filter-rule':
      return formatFilterRule(element.rule);
    case 'filter-policy':
      return formatFilterPolicy(element.chain, 'drop');
    case 'connection':
      return formatConnection(element.connection);
    case 'absence':
      return formatAbsence(element);
  }
}

function formatAbsence({ of, address, mac, link }: Extract<Element, { kind: 'absence' }>): string {
  const what = `no ${absentWords[of] ?? of}`;
  return joinWords(what, address && `for ${address}`, mac && `for ${mac}`, link && `on ${link}`);
}

/** What is missing, where its name alone says too little. */
const absentWords: Readonly<Record<string, string>> = {
  'service-rule': 'Service rule',
  connection: 'tracked connection',
};

function joinWords(...words: readonly (string | undefined)[]): string {
  return words.filter((word) => word !== undefined && word !== '').join(' ');
}
