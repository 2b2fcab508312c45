#!/usr/bin/env node
// `npm start`: without arguments the demonstration, with arguments the command itself (`npm start -- diagnose …`).
// Installs and builds first what is missing or stale. Node's own modules only: nothing is installed yet.
import './node-version.mjs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { demonstrate } from './demonstrate.mjs';
import { prepareCheckout } from './prepare.mjs';
import { projectFolder } from './run-program.mjs';

const problem = await prepareCheckout();
if (problem !== undefined) {
  console.error(`waylaid: ${problem}`);
  process.exitCode = 2;
} else if (process.argv.length > 2) {
  // In this process rather than as a child: exit code, signals and terminal are then the command's own.
  const command = join(projectFolder, 'dist/waylaid.js');
  process.argv[1] = command;
  await import(pathToFileURL(command).href);
} else {
  process.exitCode = await demonstrate();
}
