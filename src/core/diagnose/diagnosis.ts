// What a diagnosis is made of: intents and how they fared, symptoms, root causes, what was cleared, and what is unknown.
// The words are made here and in diagnoses/; the report only lays them out.
import type { Evidence } from '../fact/evidence.ts';
import type { Missing } from '../fact/known.ts';
import type { Change } from '../snapshot/change.ts';
import type { Flow, Trace } from '../trace/flow.ts';

export type IntentKind =
  | 'pod-to-pod'
  | 'node-to-pod'
  | 'pod-to-service'
  | 'node-to-service'
  | 'node-to-node'
  | 'to-nameserver'
  | 'probe'
  | 'question';

/** A flow that should arrive, and why we think so. */
export interface Intent {
  readonly id: string;
  readonly kind: IntentKind;
  readonly flow: Flow;
  /** `swimto/api → kube-system/kube-dns:53/udp`. */
  readonly label: string;
  readonly reason: string;
  readonly evidence: readonly Evidence[];
  /** It leads out of the evidence: where nobody can say how it fares, it is not counted. */
  readonly isOutward?: boolean;
}

export interface JudgedIntent {
  readonly intent: Intent;
  readonly trace: Trace;
}

export type SymptomKind =
  | 'crash-loop'
  | 'not-ready'
  | 'restarts'
  | 'pending'
  | 'log-error'
  | 'event'
  | 'probe-failed'
  | 'http-status'
  | 'handshake-timeout'
  | 'object-status';

export type LogErrorClass =
  | 'timeout'
  | 'refused'
  | 'dns-temporary'
  | 'dns-nxdomain'
  | 'tls'
  | 'no-route'
  | 'http-4xx'
  | 'http-5xx'
  | 'auth';

export interface Symptom {
  readonly id: string;
  readonly kind: SymptomKind;
  readonly class?: LogErrorClass;
  /** `pod/swimto/api-7d9`. */
  readonly subject: string;
  readonly text: string;
  /** How often it was seen, for log lines. */
  readonly count: number;
  readonly evidence: readonly Evidence[];
  /** Root cause ids. */
  readonly explainedBy: readonly string[];
  /** Why connectivity has nothing to do with it (a bad flag, out of memory). */
  readonly notConnectivity?: string;
}

export type Layer =
  | 'kernel-route'
  | 'netfilter'
  | 'encap-mtu'
  | 'cni-ebpf'
  | 'dns'
  | 'kube-object'
  | 'l7'
  | 'cert'
  | 'tailnet-control'
  | 'tailnet-policy'
  | 'app-config'
  | 'host'
  | 'underlay';

export type Confidence = 'proven' | 'supported' | 'suspected';

export interface CauseElement {
  readonly kind: string;
  /** `node/node-2`. */
  readonly in: string;
  readonly text: string;
  readonly evidence: Evidence;
}

export interface RootCause {
  readonly id: string;
  /** A catalogued code, or `uncatalogued`. */
  readonly code: string;
  readonly layer: Layer;
  readonly title: string;
  readonly explanation: string;
  readonly subjects: readonly string[];
  readonly elements: readonly CauseElement[];
  readonly confidence: Confidence;
  readonly evidence: readonly Evidence[];
  /** The smallest change that heals. */
  readonly changes: readonly Change[];
  /** Ids of the intents that fail because of it. */
  readonly breaks: readonly string[];
  readonly explains: readonly string[];
  /** Other single changes that would heal the same, where no evidence tells them apart. */
  readonly alternatives: readonly string[];
  /** Who made the state, in words, when the evidence shows it: `advertised by pi-gateway (100.64.0.9)`. */
  readonly origin?: string;
  /** A hop-by-hop trace that shows it: the intent's id. */
  readonly exampleIntent?: string;
}

export interface Cleared {
  readonly suspect: string;
  readonly subject: string;
  readonly reason: string;
  readonly evidence: readonly Evidence[];
}

export interface Unknown {
  readonly question: string;
  readonly needs: string;
  readonly command: string;
  readonly why: string;
  /** Intents that cannot be judged for it. */
  readonly intents: readonly string[];
  readonly missing?: Missing;
}

export interface Risk {
  readonly code: string;
  readonly subjects: readonly string[];
  readonly text: string;
  readonly evidence: readonly Evidence[];
}

export type DiagnosisVerdict = 'healthy' | 'broken' | 'unknown';

export interface Vantage {
  readonly nodesSeen: number;
  readonly nodesMissing: readonly string[];
  readonly podNamespacesSeen: number;
  readonly tailnetPolicySeen: boolean;
}

export interface Diagnosis {
  readonly verdict: DiagnosisVerdict;
  readonly summary: string;
  readonly vantage: Vantage;
  readonly judged: readonly JudgedIntent[];
  readonly causes: readonly RootCause[];
  readonly symptoms: readonly Symptom[];
  readonly cleared: readonly Cleared[];
  readonly unknowns: readonly Unknown[];
  readonly risks: readonly Risk[];
}
