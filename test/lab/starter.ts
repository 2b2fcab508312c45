// A process of its own that starts a lab, for tests that kill it: prints each line of progress, then `up`.
import { startLab } from '../../lab/client.ts';

const name = process.argv[2] ?? '';
await startLab({ name }, (line) => process.stdout.write(`${line}\n`));
process.stdout.write('up\n');
