// The observed piece of state that a change removes, alters or finds absent, as an element with its evidence. In: any
// change. Out: one element, so that a cause without a catalogued name cites what it rests on as the others do.
import type { CauseElement } from './diagnosis.ts';
import { observeFilter } from './observe-filter.ts';
import type { Observed } from './observe-filter.ts';
import type { World } from './world.ts';
import type { Evidence } from '../fact/evidence.ts';
import type { Known } from '../fact/known.ts';
import { fdbKey, neighborKey } from '../model/network.ts';
import type { Namespace } from '../model/network.ts';
import { formatPrefix } from '../net/prefix.ts';
import type { Change } from '../snapshot/change.ts';
import { isFilterChange } from '../snapshot/edit-filter.ts';
import { formatRoute, formatRule } from '../snapshot/format-routing.ts';

export function elementOfChange(change: Change, world: World): CauseElement {
  const place = change.kind === 'withdraw-routes' ? `tailnet/device/${change.device}` : change.namespace;
  const { kind, text, evidence } = observe(change, world.network.namespaces.get(place));
  // What is not there cannot be quoted.
  const quote = kind.startsWith('missing-filter') || kind === 'filter-program' ? {} : { quote: text };
  return { kind, in: place, text, evidence: { ...quote, ...(evidence ?? { path: 'waylaid.json' }) } };
}

function observe(change: Change, own: Namespace | undefined): Observed {
  if (isFilterChange(change)) return observeFilter(change, own);
  switch (change.kind) {
    case 'remove-route':
    case 'add-route':
      return observeRoute(change, own);
    case 'remove-rule':
    case 'add-rule':
      return observeRule(change, own);
    case 'set-sysctl':
      return observeSysctl(change, own);
    case 'set-neighbor':
      return observeNeighbor(change, own);
    case 'set-fdb':
      return observeFdb(change, own);
    case 'set-link-up':
    case 'move-vtep':
      return observeLink(change.link, own);
    case 'set-mtu':
      return observeMtu(change, own);
    case 'stop-accepting-routes':
      return { kind: 'preference', text: 'accept-routes', evidence: fileOf(own?.facts.routes[4]) };
    case 'withdraw-routes':
      return {
        kind: 'advertisement',
        text: change.prefixes.map(formatPrefix).join(' '),
        evidence: undefined,
      };
  }
}

function observeRoute(
  change: Extract<Change, { kind: 'remove-route' | 'add-route' }>,
  own: Namespace | undefined,
): Observed {
  const text = formatRoute(change.route);
  const rows = own?.facts.routes[change.route.family];
  const row = rows?.known === true ? rows.value.find((route) => formatRoute(route) === text) : undefined;
  const kind = change.kind === 'remove-route' ? 'route' : 'missing-route';
  return { kind, text, evidence: row?.evidence ?? fileOf(rows) };
}

function observeRule(
  change: Extract<Change, { kind: 'remove-rule' | 'add-rule' }>,
  own: Namespace | undefined,
): Observed {
  const text = formatRule(change.rule);
  const rows = own?.facts.rules[change.rule.family];
  const row = rows?.known === true ? rows.value.find((rule) => formatRule(rule) === text) : undefined;
  const kind = change.kind === 'remove-rule' ? 'rule' : 'missing-rule';
  return { kind, text, evidence: row?.evidence ?? fileOf(rows) };
}

function observeSysctl(
  change: Extract<Change, { kind: 'set-sysctl' }>,
  own: Namespace | undefined,
): Observed {
  const sysctls = own?.facts.sysctls;
  const fact = sysctls?.known === true ? sysctls.value.get(change.key) : undefined;
  const text = `${change.key} = ${fact?.value ?? change.was ?? '?'}`;
  return { kind: 'sysctl', text, evidence: fact?.evidence ?? fileOf(sysctls) };
}

function observeNeighbor(
  change: Extract<Change, { kind: 'set-neighbor' }>,
  own: Namespace | undefined,
): Observed {
  const { address, link, was, mac } = change;
  const table = own?.neighbors;
  const row = table?.known === true ? table.value.get(neighborKey(link, address)) : undefined;
  return {
    kind: was === undefined ? 'missing-neighbor' : 'neighbor',
    text: `${address} dev ${link} lladdr ${was ?? mac}`,
    evidence: row?.evidence ?? fileOf(table),
  };
}

function observeFdb(change: Extract<Change, { kind: 'set-fdb' }>, own: Namespace | undefined): Observed {
  const { mac, link, was, remote } = change;
  const table = own?.fdb;
  const rows = table?.known === true ? table.value.get(fdbKey(link, mac)) : undefined;
  return {
    kind: was === undefined ? 'missing-fdb' : 'fdb',
    text: `${mac} dev ${link} dst ${was ?? remote}`,
    evidence: rows?.find((row) => row.remote === was)?.evidence ?? fileOf(table),
  };
}

function observeLink(link: string, own: Namespace | undefined): Observed {
  const fact = own?.linksByName.get(link);
  const flags = fact === undefined ? '' : ` ${fact.flags.join(',')}`;
  return { kind: 'link', text: `${link}${flags}`, evidence: fact?.evidence ?? fileOf(own?.facts.links) };
}

function observeMtu(change: Extract<Change, { kind: 'set-mtu' }>, own: Namespace | undefined): Observed {
  const fact = own?.linksByName.get(change.link);
  const mtu = fact?.mtuBytes ?? change.was;
  const text = `${change.link} mtu ${mtu ?? '?'}`;
  return { kind: 'link', text, evidence: fact?.evidence ?? fileOf(own?.facts.links) };
}

function fileOf(fact: Known<unknown> | undefined): Evidence | undefined {
  if (fact === undefined) return undefined;
  return fact.known ? fact.evidence : { path: fact.path };
}
