// The files of a machine beside those of its network namespaces: which reader reads which, and the command that makes
// it. Logs and command lines are kinds by their folder: the file's own name says of which unit or program.
import type { FactKind } from '../bundle/fact-shelf.ts';
import type {
  FlannelSubnetFact,
  LogLine,
  TailscaleNetmap,
  TailscalePrefs,
  TailscaleStatus,
} from '../machine-facts.ts';
import { readLog } from './read-log.ts';
import { readRtTables } from './read-rt-tables.ts';
import { readAssignments, readCommandLine, readFirstLine, readFlannelSubnet } from './read-settings.ts';
import { readTailscaleNetmap } from './read-tailscale-netmap.ts';
import { readTailscalePrefs } from './read-tailscale-prefs.ts';
import { readTailscaleStatus } from './read-tailscale-status.ts';

export const rtTablesKind: FactKind<ReadonlyMap<string, string>> = {
  what: 'names of routing tables',
  forms: [{ name: 'rt_tables', read: readRtTables, whenEmpty: 'empty' }],
  command: ['cat', '/etc/iproute2/rt_tables'],
};

export const flannelSubnetKind: FactKind<FlannelSubnetFact> = {
  what: 'settings',
  forms: [{ name: 'subnet.env', read: readFlannelSubnet, whenEmpty: 'unknown' }],
  command: ['cat', '/run/flannel/subnet.env'],
};

export const osReleaseKind: FactKind<ReadonlyMap<string, string>> = {
  what: 'settings',
  forms: [{ name: 'os-release', read: readAssignments, whenEmpty: 'unknown' }],
  command: ['cat', '/etc/os-release'],
};

export const kernelKind: FactKind<string> = {
  what: 'contents',
  forms: [{ name: 'uname.txt', read: readFirstLine, whenEmpty: 'unknown' }],
  command: ['uname', '-a'],
};

export const tailscaleStatusKind: FactKind<TailscaleStatus> = {
  what: 'peers',
  forms: [{ name: 'tailscale-status.json', read: readTailscaleStatus, whenEmpty: 'unknown' }],
  command: ['tailscale', 'status', '--json'],
};

export const tailscalePrefsKind: FactKind<TailscalePrefs> = {
  what: 'preferences',
  forms: [{ name: 'tailscale-prefs.json', read: readTailscalePrefs, whenEmpty: 'unknown' }],
  command: ['tailscale', 'debug', 'prefs'],
};

export const tailscaleNetmapKind: FactKind<TailscaleNetmap> = {
  what: 'filter rules',
  forms: [{ name: 'tailscale-netmap.json', read: readTailscaleNetmap, whenEmpty: 'unknown' }],
  command: ['tailscale', 'debug', 'netmap'],
};

export const commandLineKind: FactKind<readonly string[]> = {
  what: 'arguments',
  forms: [{ name: 'cmdline', read: readCommandLine, whenEmpty: 'unknown' }],
};

export const logKind: FactKind<readonly LogLine[]> = {
  what: 'lines',
  forms: [{ name: 'log', read: readLog, whenEmpty: 'empty' }],
  isPartUsable: true,
};
