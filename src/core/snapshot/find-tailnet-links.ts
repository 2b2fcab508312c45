// Which devices of a machine are tailscaled's. In: the machine's facts. Out: the devices' names. `--tun` renames the device,
// so its usual name (tailscale0) decides only where nothing better is known: tailscaled's own arguments, the device that
// holds an address tailscaled gave itself, or a tun with a tailnet address beside Tailscale's own rules
// (tailscale 1.102, wgengine/router/osrouter/router_linux.go: mark 0x80000/0xff0000; net/tsaddr: the address ranges).
import { parsePrefix, prefixContains } from '../net/prefix.ts';
import type { MachineFacts } from './machine-facts.ts';
import type { AddressFact, LinkFact, RuleFact } from './namespace-facts.ts';

const found = new WeakMap<MachineFacts, ReadonlySet<string>>();

export function findTailnetLinks(machine: MachineFacts): ReadonlySet<string> {
  const known = found.get(machine);
  if (known !== undefined) return known;
  const { links } = machine.root;
  const names = links.known
    ? links.value.filter((link) => isTailnetDevice(machine, link)).map((link) => link.name)
    : namesInRoutes(machine).filter((name) => name.startsWith('tailscale'));
  const set = new Set(names);
  found.set(machine, set);
  return set;
}

function namesInRoutes(machine: MachineFacts): readonly string[] {
  return ([4, 6] as const).flatMap((family) => {
    const routes = machine.root.routes[family];
    return routes.known
      ? routes.value.flatMap((route) => route.nexthops.flatMap((hop) => hop.link ?? []))
      : [];
  });
}

function isTailnetDevice(machine: MachineFacts, link: LinkFact): boolean {
  if (link.kind !== 'tun' && link.kind !== 'unknown') return false;
  if (link.name === namedByArguments(machine)) return true;
  const held = addressesOn(machine, link.name);
  const { status } = machine.tailscale;
  const own = status.known ? (status.value.self?.addresses ?? []) : [];
  if (held.some((fact) => own.includes(fact.address))) return true;
  if (held.some(isTailnetAddress) && hasTailscaleRules(machine)) return true;
  return link.name.startsWith('tailscale');
}

function namedByArguments(machine: MachineFacts): string | undefined {
  const line = machine.commandLines.get('tailscaled');
  if (line?.known !== true) return undefined;
  const at = line.value.findIndex((word) => /^--?tun$/.test(word));
  const joined = line.value.find((word) => /^--?tun=/.test(word));
  return at >= 0 ? line.value[at + 1] : joined?.split('=')[1];
}

function addressesOn(machine: MachineFacts, link: string): readonly AddressFact[] {
  const { addresses } = machine.root;
  return addresses.known ? addresses.value.filter((fact) => fact.link === link) : [];
}

const tailnetRanges = ['100.64.0.0/10', 'fd7a:115c:a1e0::/48'].flatMap((text) => parsePrefix(text) ?? []);

function isTailnetAddress(fact: AddressFact): boolean {
  return tailnetRanges.some((range) => prefixContains(range, fact.address));
}

function hasTailscaleRules(machine: MachineFacts): boolean {
  const isMarked = (rule: RuleFact): boolean => rule.mark?.value === 0x80000 && rule.mark.mask === 0xff0000;
  return ([4, 6] as const).some((family) => {
    const rules = machine.root.rules[family];
    return rules.known && rules.value.some(isMarked);
  });
}
