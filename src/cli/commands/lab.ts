// `waylaid lab`: a cluster in network namespaces on this machine, healthy or with a chosen fault. In come options, out
// go results on standard output and progress on standard error. The lab's code is loaded only when it is needed.
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import type { LabOptions, ProxyMode } from '../../../lab/planned.ts';

interface NameOption {
  readonly name: string;
}

interface OutputOption {
  readonly output: 'text' | 'json';
}

interface UpOptions extends NameOption, OutputOption {
  readonly nodes: number;
  readonly clusterCidr: string;
  readonly serviceCidr: string;
  readonly proxy: ProxyMode;
  readonly fault: readonly string[];
}

interface ProbeOptions extends NameOption, OutputOption {
  readonly timeout: number;
}

export function registerLab(program: Command): void {
  const lab = program
    .command('lab')
    .description('a cluster in network namespaces on this machine, healthy or with a chosen fault');
  registerUp(lab);
  lab
    .command('list')
    .description('the faults a lab can have, and the labs that are running')
    .addOption(outputOption())
    .action((options: OutputOption) => report(async () => (await loadOutput()).printList(options.output)));
  lab
    .command('status')
    .description('machines, pods and Services of a running lab')
    .addOption(nameOption())
    .addOption(outputOption())
    .action((options: NameOption & OutputOption) =>
      report(async () => (await loadOutput()).printStatus(options.name, options.output)),
    );
  registerExec(lab);
  lab
    .command('probe')
    .description('every pod and machine to every pod, Service and machine, with real packets')
    .addOption(nameOption())
    .addOption(outputOption())
    .option('--timeout <milliseconds>', 'how long one attempt may take', readPositive, 1500)
    .action((options: ProbeOptions) =>
      report(async () => (await loadOutput()).printProbe(options.name, options.timeout, options.output)),
    );
  lab
    .command('down')
    .description('stop a lab; nothing of it is left')
    .addOption(nameOption())
    .action((options: NameOption) => report(() => stop(options.name)));
}

function registerUp(lab: Command): void {
  lab
    .command('up')
    .description('build a lab and leave it running')
    .addOption(nameOption())
    .addOption(outputOption())
    .option('--nodes <count>', 'how many nodes', readPositive, 3)
    .option('--cluster-cidr <prefix>', 'the pods’ network', '10.42.0.0/16')
    .option('--service-cidr <prefix>', 'the Services’ network', '10.43.0.0/16')
    .addOption(
      new Option('--proxy <mode>', 'what kube-proxy writes')
        .choices(['iptables', 'nftables'])
        .default('iptables'),
    )
    .option('--fault <name>', 'a fault to build in (repeatable; see: lab list)', collect, [])
    .action((options: UpOptions) => report(() => start(options)));
}

function registerExec(lab: Command): void {
  lab
    .command('exec')
    .description('run a command in a node, a host or a pod (namespace/name, or its beginning)')
    .argument('<target>')
    .argument('<command...>', 'after --')
    .addOption(nameOption())
    .action((target: string, command: string[], options: NameOption) =>
      report(async () => {
        const { runInLab } = await loadOutput();
        return runInLab(options.name, target, command);
      }),
    );
}

async function start(options: UpOptions): Promise<number> {
  const { startLab } = await import('../../../lab/client.ts');
  const { printUp } = await loadOutput();
  const wishes: LabOptions = {
    name: options.name,
    nodeCount: options.nodes,
    clusterCidr: options.clusterCidr,
    serviceCidr: options.serviceCidr,
    proxy: options.proxy,
    faults: options.fault,
  };
  const startedAt = Date.now();
  const lab = await startLab(wishes, (line) => process.stderr.write(`${line}\n`));
  return printUp(lab, Date.now() - startedAt, options.output);
}

async function stop(name: string): Promise<number> {
  const { stopLab, whyNoLab } = await import('../../../lab/client.ts');
  const problem = whyNoLab();
  if (problem !== undefined) throw new Error(problem);
  const wasRunning = await stopLab(name);
  process.stderr.write(wasRunning ? `lab ${name} is down\n` : `no lab named ${name} was running\n`);
  return 0;
}

const loadOutput = () => import('./lab-output.ts');

/** The exit code is the action's; what goes wrong is said by whoever runs the commands. */
async function report(action: () => Promise<number>): Promise<void> {
  process.exitCode = await action();
}

function nameOption(): Option {
  return new Option('--name <lab>', 'which lab, where there are several').default('lab');
}

function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text');
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

function readPositive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be a whole number from 1.');
  return value;
}
