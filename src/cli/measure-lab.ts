// In a lab predictions can be checked at once: every pod and machine tries every pod, Service and machine with real
// packets, and one line says how many arrived.
import { describeLab, probeLab } from '../../lab/client.ts';
import { listMatrixFlows } from '../../lab/matrix.ts';
import { labNameOf } from './evidence-options.ts';
import { showProgress } from './progress.ts';

export async function printMeasured(lab: string | true): Promise<void> {
  const name = labNameOf(lab);
  const progress = showProgress(process.stderr);
  progress.report('sending real packets');
  try {
    const flows = listMatrixFlows(await describeLab(name));
    const results = await probeLab(name, flows);
    const arrived = results.filter((result) => result.outcome === 'ok').length;
    progress.stop();
    process.stdout.write(
      `\nmeasured       ${arrived} of ${results.length} attempts with real packets arrive\n`,
    );
  } finally {
    progress.stop();
  }
}
