// What the lab asks of a tailnet and what it gets back: the contract between the supervisor, which decides who accepts
// and who advertises, and the two ways to make it so (a real tailscaled under a control server, or rules and routes
// written by hand). Only types and one constant; nothing here runs.
import type { LabMachine } from './machine.ts';

export interface TailnetMember {
  readonly machine: LabMachine;
  readonly acceptRoutes: boolean;
  /** Prefixes this machine offers as a subnet router; the control server approves all of them. */
  readonly advertiseRoutes: readonly string[];
}

export interface TailnetRequest {
  /** Runs the control server, when there is one: reachable by every member at its `lanAddress`. */
  readonly lan: LabMachine;
  /** Members log in in this order, so that their addresses are the same in every run. */
  readonly members: readonly TailnetMember[];
  /** A folder that the lab deletes at the end, seen under the same path by the supervisor and all machines. */
  readonly folder: string;
  readonly report: (line: string) => void;
}

export interface TailnetChange {
  readonly acceptRoutes?: boolean;
  readonly advertiseRoutes?: readonly string[];
}

export interface Tailnet {
  readonly kind: 'tailscaled' | 'by-hand';
  /** Tailnet IPv4 address by machine name. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Changes one member and resolves when table 52 of every member shows the result. */
  readonly change: (machineName: string, change: TailnetChange) => Promise<void>;
}

/** Resolves when all members are connected and table 52 of those that accept holds what the others advertise. */
export type StartTailnet = (request: TailnetRequest) => Promise<Tailnet>;
