// Everything that was observed, typed. Readers make it from a bundle's files; nothing in it is interpreted.
import type { Evidence } from '../fact/evidence.ts';
import type { Known } from '../fact/known.ts';
import type { Note } from '../fact/note.ts';
import type { Address } from '../net/address.ts';
import type { ClusterFacts, Json } from './cluster-facts.ts';
import type { MachineFacts } from './machine-facts.ts';
import type { Manifest } from './manifest.ts';

export interface Snapshot {
  readonly manifest: Known<Manifest>;
  /** By name, in name order. */
  readonly nodes: ReadonlyMap<string, MachineFacts>;
  readonly hosts: ReadonlyMap<string, MachineFacts>;
  readonly cluster: ClusterFacts;
  /** The tailnet/ files as parsed JSON (HuJSON for the policy), by file name. */
  readonly tailnet: ReadonlyMap<string, Known<Json>>;
  readonly probes: readonly ProbeFact[];
  readonly notes: readonly Note[];
  /** Machines that the manifest says could not be reached at all, with the reason. */
  readonly unreachable: ReadonlyMap<string, string>;
}

/** One measured attempt (`probes.jsonl`). */
export interface ProbeFact {
  readonly evidence: Evidence;
  readonly id?: string;
  readonly from: {
    readonly node?: string;
    readonly pod?: string;
    readonly where?: string;
    readonly host?: string;
    readonly device?: string;
  };
  readonly to: {
    readonly ip?: Address;
    readonly port?: number;
    readonly proto?: string;
    readonly name?: string;
    readonly url?: string;
    /** Bytes of payload, of a probe for the way's MTU. */
    readonly sizeBytes?: number;
    /** Its `df`. */
    readonly mustNotBeCut?: boolean;
  };
  readonly stage: string;
  readonly outcome: string;
  readonly raw: Json;
}
