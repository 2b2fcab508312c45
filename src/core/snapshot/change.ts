// An edit of observed state, as data. Candidates, repairs, `--what-if`, simulation and apply all speak this one language.
// `namespace` is the model's id (`node/n1`, `host/h`, `pod/ns/p`).
import type { Address } from '../net/address.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Mac, RouteFact, RuleFact } from './namespace-facts.ts';
import type { ConnectionTuple } from './filter-facts.ts';
import type { FilterPlace, FilterProgramName, FilterRulePlace } from './filter-place.ts';

export type RouteEdit = Omit<RouteFact, 'evidence'>;
export type RuleEdit = Omit<RuleFact, 'evidence'>;

export type Change =
  | { readonly kind: 'remove-route'; readonly namespace: string; readonly route: RouteEdit }
  | { readonly kind: 'add-route'; readonly namespace: string; readonly route: RouteEdit }
  | { readonly kind: 'remove-rule'; readonly namespace: string; readonly rule: RuleEdit }
  | { readonly kind: 'add-rule'; readonly namespace: string; readonly rule: RuleEdit }
  | {
      readonly kind: 'set-sysctl';
      readonly namespace: string;
      readonly key: string;
      readonly value: string;
      /** The value found, for undo. */
      readonly was?: string;
    }
  | {
      readonly kind: 'set-neighbor';
      readonly namespace: string;
      readonly link: string;
      readonly address: Address;
      readonly mac: Mac;
      readonly was?: Mac;
    }
  | {
      readonly kind: 'set-fdb';
      readonly namespace: string;
      readonly link: string;
      readonly mac: Mac;
      readonly remote: Address;
      readonly was?: Address;
    }
  | { readonly kind: 'set-link-up'; readonly namespace: string; readonly link: string }
  | {
      /** Where flannel on one node has its VXLAN: its own device, and every other node's entry for it. */
      readonly kind: 'move-vtep';
      readonly namespace: string;
      readonly link: string;
      readonly mac: Mac;
      readonly local: Address;
      readonly lower: string;
      readonly was?: { readonly local?: Address; readonly lower?: string };
    }
  | { readonly kind: 'remove-filter-rule'; readonly namespace: string; readonly rule: FilterRulePlace }
  /** `before`: the rule it goes in front of, by place; absent: at the head of the chain. */
  | {
      readonly kind: 'insert-filter-rule';
      readonly namespace: string;
      readonly chain: FilterPlace;
      readonly text: string;
      readonly before?: FilterRulePlace;
    }
  | {
      readonly kind: 'set-filter-policy';
      readonly namespace: string;
      readonly chain: FilterPlace;
      readonly policy: 'accept' | 'drop';
      readonly was: 'accept' | 'drop';
    }
  /** `conntrack -D`: the kernel forgets a connection. */
  | {
      readonly kind: 'remove-connection';
      readonly namespace: string;
      readonly protocol: number;
      readonly original: ConnectionTuple;
    }
  /** The program writes its own chains again, as it would for the objects that the cluster has now. */
  | { readonly kind: 'rewrite-filter'; readonly namespace: string; readonly program: FilterProgramName }
  | {
      readonly kind: 'set-mtu';
      readonly namespace: string;
      readonly link: string;
      readonly mtuBytes: number;
      readonly was?: number;
    }
  | {
      /** `tailscale set --accept-routes=false`: every subnet route of other machines leaves the tailnet's table. */
      readonly kind: 'stop-accepting-routes';
      readonly namespace: string;
    }
  | {
      /** The advertising device stops to advertise; the routes leave the tailnet's table on every machine. */
      readonly kind: 'withdraw-routes';
      readonly device: string;
      readonly prefixes: readonly Prefix[];
    };

/** Every change that edits one namespace names it; those about the tailnet name a device. */
export function namespaceOfChange(change: Change): string | undefined {
  return change.kind === 'withdraw-routes' ? undefined : change.namespace;
}
