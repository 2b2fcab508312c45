// The answer, `waylaid-answer/1`: what `diagnose -o json` prints and every rendering is made from. Its JSON Schema
// (docs/answer.schema.json) is generated from here. Fields may be added, none changes its meaning.
// Zod is loaded by the schema generator and the tests only: the command imports the types, so it starts without it.
import { z } from 'zod';
import { evidenceSchema, flowSchema, pathSchema } from './answer-flow.ts';

const commandSchema = z
  .object({
    on: z.string().describe('`node/NAME`, `host/NAME`, `tailnet/device/NAME` or `cluster`.'),
    argv: z.array(z.string()),
    stdin: z.string().optional().describe('What the command reads on its standard input.'),
  })
  .meta({ id: 'Command' });

const changeSchema = z
  .looseObject({ kind: z.string() })
  .describe('An edit of observed state; simulation and apply interpret the same data.')
  .meta({ id: 'Change' });

const rootCauseSchema = z
  .object({
    id: z.string(),
    code: z.string().describe('A catalogued diagnosis, or `uncatalogued`.'),
    layer: z.enum([
      'kernel-route',
      'netfilter',
      'encap-mtu',
      'cni-ebpf',
      'dns',
      'kube-object',
      'l7',
      'cert',
      'tailnet-control',
      'tailnet-policy',
      'app-config',
      'host',
      'underlay',
    ]),
    title: z.string(),
    explanation: z.string(),
    subjects: z.array(z.string()).describe('What must change, most specific first.'),
    elements: z.array(
      z.object({ kind: z.string(), in: z.string(), text: z.string(), evidence: evidenceSchema }),
    ),
    confidence: z.enum(['proven', 'supported', 'suspected']),
    evidence: z.array(evidenceSchema),
    origin: z.string().optional().describe('Who made the state, where the evidence shows it.'),
    alternatives: z
      .array(z.string())
      .describe('Other single changes that would heal the same; no evidence tells them apart.'),
    breaks: z.object({
      flows: z.number(),
      examples: z.array(z.string()).describe('Flow ids.'),
      intents: z.array(z.string()).describe('At most 50 labels.'),
      groups: z.array(z.object({ text: z.string(), flows: z.number() })),
    }),
    explains: z.array(z.string()).describe('Symptom ids.'),
    repairs: z.array(z.string()),
    changes: z.array(changeSchema).describe('The smallest change that heals.'),
    path: pathSchema.optional().describe('The way of an example packet to where it is lost.'),
    expected: pathSchema.optional().describe('The way of the same packet once the changes are made.'),
    trace: z
      .object({
        from: z.string(),
        to: z.string(),
        protocol: z.enum(['tcp', 'udp', 'icmp']),
        port: z.number().optional(),
      })
      .optional()
      .describe('The arguments of `waylaid trace` for the example packet.'),
  })
  .meta({ id: 'RootCause' });

const symptomSchema = z
  .object({
    id: z.string(),
    kind: z.enum([
      'crash-loop',
      'not-ready',
      'restarts',
      'pending',
      'log-error',
      'event',
      'probe-failed',
      'http-status',
      'handshake-timeout',
      'object-status',
    ]),
    class: z
      .enum([
        'timeout',
        'refused',
        'dns-temporary',
        'dns-nxdomain',
        'tls',
        'no-route',
        'http-4xx',
        'http-5xx',
        'auth',
      ])
      .optional(),
    subject: z.string(),
    text: z.string(),
    count: z.number().describe('How often it was seen.'),
    evidence: z.array(evidenceSchema),
    explainedBy: z.array(z.string()).describe('Root cause ids.'),
    notConnectivity: z.string().optional().describe('Why connectivity has nothing to do with it.'),
  })
  .meta({ id: 'Symptom' });

const repairSchema = z
  .object({
    id: z.string(),
    for: z.array(z.string()).describe('Root cause ids.'),
    kind: z.enum(['immediate', 'persistent', 'at-source']),
    title: z.string(),
    commands: z.array(commandSchema),
    changes: z.array(changeSchema),
    undo: z.array(commandSchema),
    risk: z.enum(['low', 'medium', 'high']),
    disruptive: z.boolean(),
    note: z.string().optional().describe('What a person should know before.'),
    simulated: z.object({
      heals: z.number(),
      breaks: z.number(),
      leaves: z.number(),
      unknown: z.number(),
    }),
  })
  .meta({ id: 'Repair' });

export const answerSchema = z
  .object({
    format: z.literal('waylaid-answer/1'),
    verdict: z.enum(['healthy', 'broken', 'unknown']),
    summary: z.string(),
    collectedAt: z.string().optional(),
    cluster: z.string().optional(),
    vantage: z.object({
      nodesSeen: z.number(),
      nodesMissing: z.array(z.string()),
      podNamespacesSeen: z.number(),
      tailnetPolicySeen: z.boolean(),
    }),
    rootCauses: z.array(rootCauseSchema),
    symptoms: z.array(symptomSchema),
    cleared: z.array(
      z.object({
        suspect: z.string(),
        subject: z.string(),
        reason: z.string(),
        evidence: z.array(evidenceSchema),
      }),
    ),
    unknowns: z.array(
      z.object({
        question: z.string(),
        needs: z.string(),
        command: z.string(),
        why: z.string(),
        flows: z.number().describe('How many intended flows cannot be judged for it.'),
      }),
    ),
    risks: z.array(
      z.object({
        code: z.string(),
        subjects: z.array(z.string()),
        text: z.string(),
        evidence: z.array(evidenceSchema),
      }),
    ),
    repairs: z.array(repairSchema),
    flows: z.object({
      intended: z.number(),
      delivered: z.number(),
      failed: z.number(),
      unknown: z.number(),
      list: z
        .array(flowSchema)
        .describe('Every flow that failed or is unknown; those delivered where there are at most 400.'),
    }),
    notes: z
      .array(z.object({ code: z.string(), path: z.string(), text: z.string() }))
      .describe('What could not be read in the bundle, and what it costs.'),
  })
  .meta({ id: 'Answer' });

export type Answer = z.infer<typeof answerSchema>;
export type AnswerCause = z.infer<typeof rootCauseSchema>;
export type AnswerSymptom = z.infer<typeof symptomSchema>;
export type AnswerRepair = z.infer<typeof repairSchema>;
export type AnswerCommand = z.infer<typeof commandSchema>;
