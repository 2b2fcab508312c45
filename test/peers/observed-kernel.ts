// What a tailnet left in a machine's kernel, in a form that two machines can be compared by: rules, table 52, chains,
// the device. In goes a machine, out comes text and data without counters, times and indices.
import { expectSuccess } from '../../lab/machine.ts';
import type { LabMachine } from '../../lab/machine.ts';

export interface ObservedKernel {
  readonly rules: readonly unknown[];
  readonly table52: readonly unknown[];
  readonly chains: readonly string[];
  readonly device: unknown;
  readonly srcValidMark: string;
}

export async function observeKernel(machine: LabMachine): Promise<ObservedKernel> {
  const read = async (...argv: string[]): Promise<string> =>
    expectSuccess(await machine.run(argv), `${argv.join(' ')} on ${machine.name}`);
  const list = async (...argv: string[]): Promise<unknown[]> =>
    JSON.parse(await read('ip', '-j', '-d', ...argv)) as unknown[];
  return {
    rules: [...(await list('-4', 'rule')), ...(await list('-6', 'rule'))],
    table52: [
      ...(await list('-4', 'route', 'show', 'table', '52')),
      ...(await list('-6', 'route', 'show', 'table', '52')),
    ],
    chains: [...ruleLines(await read('iptables-save')), ...ruleLines(await read('ip6tables-save'))],
    device: pickDevice((await list('link', 'show', 'tailscale0'))[0]),
    srcValidMark: (await read('cat', '/proc/sys/net/ipv4/conf/all/src_valid_mark')).trim(),
  };
}

function ruleLines(saved: string): string[] {
  return saved
    .split('\n')
    .filter((line) => /^[*:-]|^COMMIT/.test(line))
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ''));
}

function pickDevice(link: unknown): unknown {
  const { flags, mtu, qdisc, operstate, txqlen, link_type, linkinfo } = link as Record<string, unknown>;
  const { info_kind, info_data } = linkinfo as { info_kind: string; info_data: Record<string, unknown> };
  return { flags, mtu, qdisc, operstate, txqlen, link_type, info_kind, persist: info_data['persist'] };
}
