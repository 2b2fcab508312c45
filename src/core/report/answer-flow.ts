// The shape of a flow in the answer: who wanted to reach whom, every hop there and back, and how it ended. Overlay packets
// are journeys inside a hop; a reply is a journey inside a journey. Used by answer.ts (the whole) and by `trace -o json`.
// Only the schema generator and tests load this file at run time: everybody else imports its types.
import { z } from 'zod';

export const evidenceSchema = z
  .object({
    path: z.string().describe('A file of the bundle.'),
    at: z.string().optional().describe('A JSON pointer ("/14") or a line ("L14"); absent: the whole file.'),
    quote: z.string().optional(),
  })
  .meta({ id: 'Evidence' });

const packetSchema = z
  .object({
    source: z.string(),
    destination: z.string(),
    protocol: z.enum(['tcp', 'udp', 'icmp']),
    sourcePort: z.number(),
    destinationPort: z.number(),
    mark: z.number(),
    ttl: z.number(),
  })
  .meta({ id: 'Packet' });

export const endSchema = z
  .object({
    disposition: z.enum(['delivered', 'refused', 'lost', 'unknown']),
    at: z.string().describe('The namespace where it ended: `node/n`, `pod/ns/p`, `host/h`.'),
    why: z.string().optional().describe('For refused and lost: the reason, from a closed list.'),
    certain: z.boolean().optional().describe('False where a loss follows from what no evidence shows.'),
    question: z.string().optional().describe('For unknown: what would have to be known.'),
    needs: z.string().optional().describe('For unknown: the file that would hold it.'),
  })
  .meta({ id: 'End' });

const hopSchema = z
  .object({
    at: z.string(),
    step: z.enum([
      'send',
      'rule',
      'route',
      'source-check',
      'forward',
      'filter',
      'connection',
      'nat',
      'neighbor',
      'bridge',
      'wire',
      'encap',
      'decap',
      'tailnet',
      'policy',
      'deliver',
    ]),
    did: z.string(),
    decidedBy: z
      .array(z.object({ kind: z.string(), in: z.string(), text: z.string() }))
      .describe('The pieces of state that decided this hop, as iproute2 would print them.'),
    because: z.array(evidenceSchema),
    state: packetSchema.describe('The packet after this hop.'),
    link: z.string().optional(),
    assumes: z.string().optional().describe('What is taken for granted because nobody looked.'),
    get nested() {
      return journeySchema.optional().describe('The outer packet of an overlay.');
    },
  })
  .meta({ id: 'Hop' });

const journeySchema = z
  .object({
    hops: z.array(hopSchema),
    end: endSchema,
    get replies() {
      return z.array(journeySchema).optional();
    },
  })
  .meta({ id: 'Journey' });

export const pathStepSchema = z
  .object({
    label: z.string().describe('A pod, a node, a device, a rule or a table.'),
    detail: z.string().optional(),
    at: z.string(),
  })
  .meta({ id: 'PathStep' });

export const pathSchema = z
  .object({
    direction: z.enum(['request', 'reply']),
    steps: z.array(pathStepSchema),
    end: z.object({ disposition: z.enum(['delivered', 'refused', 'lost', 'unknown']), text: z.string() }),
  })
  .meta({ id: 'Path' });

export const flowSchema = z
  .object({
    id: z.string(),
    kind: z.string(),
    label: z.string(),
    reason: z.string().describe('Why we think that it should arrive.'),
    from: z.object({ at: z.string(), address: z.string().optional(), machine: z.string().optional() }),
    to: z.object({
      address: z.string(),
      port: z.number().optional(),
      protocol: z.enum(['tcp', 'udp', 'icmp']),
      name: z.string().optional().describe('What it was called when it was asked for.'),
      at: z.string().optional().describe('The namespace that took it, where it was delivered.'),
      machine: z.string().optional(),
    }),
    mark: z.number().optional(),
    verdict: z.enum(['arrives', 'partly', 'fails', 'unknown']),
    disposition: z.enum(['delivered', 'refused', 'lost', 'unknown']),
    direction: z.enum(['request', 'reply']).describe('Which of the two ended so.'),
    end: endSchema,
    path: pathSchema,
    hops: z.array(hopSchema),
    reply: z.array(hopSchema),
    replyEnd: endSchema.optional(),
    ways: z.number().describe('How many ways the packet could take; hops shows the one that decides.'),
    otherWays: z.array(journeySchema).optional(),
  })
  .meta({ id: 'Flow' });

export type AnswerEvidence = z.infer<typeof evidenceSchema>;
export type AnswerEnd = z.infer<typeof endSchema>;
export type AnswerHop = z.infer<typeof hopSchema>;
export type AnswerJourney = z.infer<typeof journeySchema>;
export type AnswerPath = z.infer<typeof pathSchema>;
export type AnswerPathStep = z.infer<typeof pathStepSchema>;
export type AnswerFlow = z.infer<typeof flowSchema>;
