// Applies edits to a snapshot. In: a snapshot and changes. Out: a new snapshot that shares everything untouched, so that
// what is built on unchanged namespaces need not be built again. A change whose fact is missing leaves it missing.
import type { Change } from './change.ts';
import { stopAcceptingRoutes, withdrawRoutes } from './drop-tailnet-routes.ts';
import { editDevice } from './edit-device.ts';
import { editFilter } from './edit-filter.ts';
import { addRoute, addRule, removeRoute, removeRule } from './edit-routing.ts';
import { editNamespace } from './edit-snapshot.ts';
import { moveVtep } from './move-vtep.ts';
import type { NamespaceFacts } from './namespace-facts.ts';
import type { Snapshot } from './snapshot.ts';

export function applyChanges(snapshot: Snapshot, changes: readonly Change[]): Snapshot {
  return changes.reduce(applyChange, snapshot);
}

function applyChange(snapshot: Snapshot, change: Change): Snapshot {
  switch (change.kind) {
    case 'withdraw-routes':
      return withdrawRoutes(snapshot, change);
    case 'stop-accepting-routes':
      return stopAcceptingRoutes(snapshot, change.namespace);
    case 'move-vtep':
      return moveVtep(snapshot, change);
    default:
      return editNamespace(snapshot, change.namespace, (facts) => editFacts(facts, change));
  }
}

type NamespaceChange = Exclude<Change, { kind: 'withdraw-routes' | 'stop-accepting-routes' | 'move-vtep' }>;

function editFacts(facts: NamespaceFacts, change: NamespaceChange): NamespaceFacts {
  switch (change.kind) {
    case 'remove-route':
      return removeRoute(facts, change.route);
    case 'add-route':
      return addRoute(facts, change.route);
    case 'remove-rule':
      return removeRule(facts, change.rule);
    case 'add-rule':
      return addRule(facts, change.rule);
    case 'set-sysctl':
    case 'set-neighbor':
    case 'set-fdb':
    case 'set-link-up':
    case 'set-mtu':
      return editDevice(facts, change);
    case 'remove-filter-rule':
    case 'insert-filter-rule':
    case 'set-filter-policy':
    case 'remove-connection':
    case 'rewrite-filter':
      return editFilter(facts, change);
  }
}
