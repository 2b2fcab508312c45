// `waylaid version`: which version this is, and what it runs on, as a bug report needs it.
import { Option } from 'commander';
import type { Command } from 'commander';
import { readVersion } from '../version.ts';

interface VersionOptions {
  readonly output: 'text' | 'json';
}

export function registerVersion(program: Command): void {
  program
    .command('version')
    .description('print the version, and what it runs on')
    .addOption(
      new Option('-o, --output <format>', 'how to print it').choices(['text', 'json']).default('text'),
    )
    .action((options: VersionOptions) => {
      const facts = {
        version: readVersion(),
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
      };
      const text = `waylaid ${facts.version} (node ${facts.node}, ${facts.platform})`;
      process.stdout.write(`${options.output === 'json' ? JSON.stringify(facts, null, 2) : text}\n`);
    });
}
