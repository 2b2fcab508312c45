// Commands that a machine runs again at every boot, as a unit of systemd: for state that no program keeps. In: a name, the
// commands. Out: how the unit is written and enabled, and how it goes away.
import { shellWords, writeFileCommand } from './draft.ts';
import type { ChangeCommands, RepairCommand } from './plan.ts';

export interface KeptCommands {
  /** `waylaid-NAME.service`. */
  readonly name: string;
  readonly description: string;
  /** The unit it has to come after: it would undo what is set before. */
  readonly after: string;
  readonly start: readonly RepairCommand[];
  readonly stop: readonly RepairCommand[];
}

export function keepCommands(on: string, kept: KeptCommands): ChangeCommands {
  const unit = `waylaid-${kept.name}.service`;
  const path = `/etc/systemd/system/${unit}`;
  const line = (command: RepairCommand): string => shellWords(command.argv);
  const text = [
    '[Unit]',
    `Description=${kept.description}`,
    `After=${kept.after}`,
    '',
    '[Service]',
    'Type=oneshot',
    'RemainAfterExit=yes',
    // What a restart of the unit finds already there is taken away first, so that it never stands twice.
    ...kept.stop.map((command) => `ExecStart=-${line(command)}`),
    ...kept.start.map((command) => `ExecStart=${line(command)}`),
    ...kept.stop.map((command) => `ExecStop=-${line(command)}`),
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ].join('\n');
  const run = (...argv: readonly string[]): RepairCommand => ({ on, argv });
  return {
    do: [
      writeFileCommand(on, path, text),
      run('systemctl', 'daemon-reload'),
      run('systemctl', 'enable', '--now', unit),
    ],
    undo: [
      run('systemctl', 'disable', '--now', unit),
      run('rm', '-f', path),
      run('systemctl', 'daemon-reload'),
    ],
  };
}
