// Where evidence comes from, as the user says it on the command line: a bundle, a running lab, or this machine, other
// machines over SSH and the cluster that the kubeconfig points to.
import { Option } from 'commander';
import type { Command } from 'commander';

export interface EvidenceOptions {
  /** A folder, an archive, or `-` for an archive on standard input. */
  readonly bundle?: string;
  /** True where the name was left out. */
  readonly lab?: string | true;
  readonly node?: readonly string[];
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly timeout?: string;
}

export const usualLabName = 'lab';

export function addEvidenceOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '-b, --bundle <path>',
        'judge this evidence bundle (a folder, .tar, .tar.gz or .tar.zst; - reads an archive from standard input)',
      ).conflicts(['lab', 'node', 'kubeconfig', 'context']),
    )
    .addOption(
      new Option('--lab [name]', 'judge a running lab of this machine').conflicts([
        'node',
        'kubeconfig',
        'context',
      ]),
    )
    .addOption(
      new Option('--node <[name=]user@host>', 'collect from this node over SSH (repeatable)').argParser(
        collectTexts,
      ),
    )
    .option('--kubeconfig <file>', 'the kubeconfig to reach the cluster with')
    .option('--context <name>', 'the context of the kubeconfig')
    .option('--timeout <seconds>', 'give up on a machine after so long');
}

export function collectTexts(text: string, sofar: readonly string[] | undefined): readonly string[] {
  return [...(sofar ?? []), text];
}

export function labNameOf(lab: string | true): string {
  return lab === true ? usualLabName : lab;
}

/** The same source again, for the commands that we suggest. */
export function repeatSource(options: EvidenceOptions): readonly string[] {
  if (options.bundle !== undefined) return ['--bundle', options.bundle];
  if (options.lab !== undefined) return options.lab === true ? ['--lab'] : ['--lab', options.lab];
  return [
    ...(options.node ?? []).flatMap((node) => ['--node', node]),
    ...(options.kubeconfig === undefined ? [] : ['--kubeconfig', options.kubeconfig]),
    ...(options.context === undefined ? [] : ['--context', options.context]),
  ];
}
