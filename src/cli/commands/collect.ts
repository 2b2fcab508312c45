// `waylaid collect`: writes an evidence bundle of this machine, of others over SSH, of the cluster or of a lab; or prints
// the shell script that makes a machine's part of it where there is no Node.
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import type { CollectCommandOptions } from '../collect-command-options.ts';
import { collectTexts } from '../evidence-options.ts';

export function registerCollect(program: Command): void {
  program
    .command('collect')
    .description(
      'write an evidence bundle: what the kernel, the programs and the cluster say, secrets replaced',
    )
    .option(
      '-o, --output <path>',
      'the bundle: a .tar or .tar.gz file, else a folder; - is a tar stream on standard output',
    )
    .addOption(repeatable('--node <[name=]user@host>', 'a node, over SSH (repeatable)'))
    .addOption(
      repeatable('--host <[name=]user@host>', 'a machine outside the cluster, over SSH (repeatable)'),
    )
    .addOption(repeatable('--ssh-option <name=value>', 'an option for ssh, as in ssh -o (repeatable)'))
    .option('--local', 'this machine too, although others are named')
    .option('--no-local', 'not this machine')
    .option('--kubeconfig <file>', 'the kubeconfig to reach the cluster with')
    .option('--context <name>', 'the context of the kubeconfig')
    .option('--no-cluster', 'nothing from the Kubernetes API')
    .addOption(
      new Option('--lab [name]', 'a running lab of this machine').conflicts([
        ...['node', 'host', 'kubeconfig', 'context'],
      ]),
    )
    .option('--timeout <seconds>', 'give up on a machine after so long', wholeNumber(3, 3600), 60)
    .option('--concurrency <n>', 'ask so many machines at a time', wholeNumber(1, 256), 8)
    .option('--max-pods <n>', 'at most so many pod namespaces of each machine', wholeNumber(0, 10_000))
    .option('--no-redact', 'keep secrets, people and public addresses as they are')
    .option('--force', 'replace a bundle that is there already')
    .addOption(
      new Option(
        '--script',
        'print the shell script that collects on a machine without Node, and stop',
      ).conflicts([...['output', 'node', 'host', 'lab', 'force']]),
    )
    .action(async (options: CollectCommandOptions) => {
      const { collectToDisk, printScript } = await import('../collect-to-disk.ts');
      if (options.script === true) printScript();
      else await collectToDisk(options);
    });
}

function repeatable(flags: string, description: string): Option {
  return new Option(flags, description).argParser(collectTexts);
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It takes a whole number from ${least} to ${most}.`);
  };
}
