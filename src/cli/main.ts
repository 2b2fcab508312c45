#!/usr/bin/env node
// The command. In: the process's arguments. Out: an exit code, set here and nowhere else. The version is answered before
// anything is loaded, and this file imports nothing statically, so that `waylaid --version` costs no more than Node does.
const words = process.argv.slice(2);

if (words.length === 1 && (words[0] === '--version' || words[0] === '-V')) {
  // The same as readVersion(), whose file would be a chunk more to load.
  process.stdout.write(`${process.env.WAYLAID_VERSION ?? 'development'}\n`);
} else {
  const { runCommand } = await import('./run-command.ts');
  process.exitCode = await runCommand(process.argv);
}

export {};
