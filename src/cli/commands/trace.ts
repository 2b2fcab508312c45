// `waylaid trace FROM TO`: one flow and its reply, hop by hop, as it is and as it would be.
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import type { Protocol } from '../../core/trace/flow.ts';
import { addEvidenceOptions, collectTexts } from '../evidence-options.ts';
import type { EvidenceOptions } from '../evidence-options.ts';
import { exitCodeOfTrace } from '../exit-code.ts';
import type { ExitCode, Settle } from '../exit-code.ts';

const formats = ['text', 'wide', 'json', 'yaml'] as const;

interface TraceOptions extends EvidenceOptions {
  readonly output: (typeof formats)[number];
  readonly proto?: Protocol;
  readonly port?: string;
  readonly mark?: number;
  readonly sourcePort?: number;
  readonly size?: number;
  readonly whatIf?: readonly string[];
}

export function registerTrace(program: Command, settle: Settle): void {
  const command = program
    .command('trace')
    .description('follow one packet and its reply, hop by hop, with the deciding rule and its source')
    .argument('<from>', 'a pod, node or host: namespace/pod, node/NAME, host/NAME, or an address of one')
    .argument('<to>', 'the same, or a Service (svc/namespace/name), or any address; with :PORT behind it');
  addEvidenceOptions(command)
    .addOption(new Option('--proto <protocol>', 'the protocol').choices(['tcp', 'udp', 'icmp']))
    .option('--port <port>', 'the port, by number or by the name that the destination gives it')
    .option('--mark <mark>', 'the mark that the sender puts on it, such as 0x80000', readMark)
    .option(
      '--source-port <port>',
      'the port it comes from; a tracked connection of the evidence decides then, as in the kernel',
      readSourcePort,
    )
    .option(
      '--size <bytes>',
      'how large its packets are (IP header included), to find where large ones are lost',
      readSize,
    )
    .option(
      '--what-if <command>',
      'trace again as if this had been typed (repeatable): "ip rule|route add|del …", "sysctl -w …"; "NODE: …" for another machine',
      collectTexts,
    )
    .addOption(new Option('-o, --output <format>', 'how to print the trace').choices(formats).default('text'))
    .action(async (from: string, to: string, options: TraceOptions) =>
      settle(await trace(from, to, options)),
    );
}

async function trace(from: string, to: string, options: TraceOptions): Promise<ExitCode> {
  const { loadSnapshot } = await import('../load-snapshot.ts');
  const { traceQuestion } = await import('../trace-question.ts');
  const { printTrace } = await import('../print-trace.ts');
  const snapshot = await loadSnapshot(options);
  const question = {
    from,
    to,
    ...(options.proto === undefined ? {} : { protocol: options.proto }),
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.mark === undefined ? {} : { mark: options.mark }),
    ...(options.sourcePort === undefined ? {} : { sourcePort: options.sourcePort }),
    ...(options.size === undefined ? {} : { sizeBytes: options.size }),
  };
  const traced = traceQuestion(snapshot, question, options.whatIf ?? []);
  printTrace(traced, snapshot.notes, options.output);
  return exitCodeOfTrace(traced.flow.verdict);
}

function readMark(text: string): number {
  const mark = /^(?:0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
  if (!(mark <= 0xffffffff)) throw new InvalidArgumentError('A mark is a number up to 0xffffffff.');
  return mark;
}

function readSourcePort(text: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(port >= 1 && port <= 65535)) throw new InvalidArgumentError('A port is a number from 1 to 65535.');
  return port;
}

function readSize(text: string): number {
  const size = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(size >= 68 && size <= 65535)) throw new InvalidArgumentError('A packet has 68 to 65535 bytes.');
  return size;
}
