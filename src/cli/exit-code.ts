// What the command's exit codes mean. They are part of the interface: scripts and monitoring read them.
import type { Answer } from '../core/report/answer.ts';
import type { Verdict } from '../core/trace/flow.ts';

export const exitCodes = {
  /** Everything that was judged arrives; a command that judges nothing did what it should. */
  fine: 0,
  /** At least one root cause, or the flow that was asked about does not arrive. */
  found: 1,
  /** Wrong usage, or the tool itself failed. */
  failed: 2,
  /** Not enough evidence to say. */
  unknown: 3,
  /** 128 + SIGINT. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Called once by a command that has something to say with its exit code. */
export type Settle = (code: ExitCode) => void;

export function exitCodeOfAnswer(verdict: Answer['verdict']): ExitCode {
  switch (verdict) {
    case 'healthy':
      return exitCodes.fine;
    case 'broken':
      return exitCodes.found;
    case 'unknown':
      return exitCodes.unknown;
  }
}

export function exitCodeOfTrace(verdict: Verdict): ExitCode {
  switch (verdict) {
    case 'arrives':
      return exitCodes.fine;
    case 'partly':
    case 'fails':
      return exitCodes.found;
    case 'unknown':
      return exitCodes.unknown;
  }
}
