// Ctrl-C while something outside is running: the signal aborts it, so that children are stopped and temporary files are
// gone, and the second Ctrl-C ends the process at once. Outside of such work Ctrl-C ends the process by itself, which a
// handler would only delay: computing does not yield.
import { exitCodes } from './exit-code.ts';

export async function withInterruption<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  try {
    const result = await work(controller.signal);
    controller.signal.throwIfAborted();
    return result;
  } finally {
    process.off('SIGINT', onSignal);
  }
}
