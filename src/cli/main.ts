#!/usr/bin/env node
// The command. In: the process's arguments. Out: an exit code, set here and nowhere else. The version is answered before
// anything is loaded; everything else is loaded when it is needed, so that the command starts as fast as Node does.
import { readVersion } from './version.ts';

const words = process.argv.slice(2);

if (words.length === 1 && (words[0] === '--version' || words[0] === '-V')) {
  process.stdout.write(`${readVersion()}\n`);
} else {
  const { runCommand } = await import('./run-command.ts');
  const exitCode = await runCommand(process.argv);
  process.exitCode = exitCode;
}
