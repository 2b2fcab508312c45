// Evidence for what is absent: the file that was read whole and does not have it.
import type { World } from '../world.ts';
import type { Evidence } from '../../fact/evidence.ts';
import type { Known } from '../../fact/known.ts';

export function routesFileEvidence(world: World, namespace: string, family: 4 | 6): Evidence {
  return fileOf(world.network.namespaces.get(namespace)?.facts.routes[family]);
}

export function fdbFileEvidence(world: World, namespace: string): Evidence {
  return fileOf(world.network.namespaces.get(namespace)?.facts.fdb);
}

export function neighborFileEvidence(world: World, namespace: string): Evidence {
  return fileOf(world.network.namespaces.get(namespace)?.facts.neighbors);
}

function fileOf(fact: Known<unknown> | undefined): Evidence {
  if (fact === undefined) return { path: 'waylaid.json' };
  return fact.known ? fact.evidence : { path: fact.path };
}
