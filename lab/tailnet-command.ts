// Puts programs under /usr/local/bin of one machine, and of no other: an overlay in the machine's mount namespace, so
// that `tailscale` is found inside by whoever collects or repairs, while the host's folder stays as it is. In go names
// with what each should be (a link to a binary, or a script), out comes nothing but the mount.
import { expectSuccess } from './machine.ts';
import type { LabMachine } from './machine.ts';

export type PlacedProgram = { readonly linkTo: string } | { readonly script: string };

export const programFolder = '/usr/local/bin';

export async function placePrograms(
  machine: LabMachine,
  programs: Readonly<Record<string, PlacedProgram>>,
): Promise<void> {
  const script = `set -e
side=/run/lab-programs
mkdir -p $side/upper $side/work
${Object.entries(programs)
  .map(([name, program]) => placeCommands(`$side/upper/${name}`, program))
  .join('\n')}
mount -t overlay -o lowerdir=${programFolder},upperdir=$side/upper,workdir=$side/work overlay ${programFolder}`;
  expectSuccess(await machine.run(['sh'], { input: script }), `placing programs on ${machine.name}`);
}

function placeCommands(path: string, program: PlacedProgram): string {
  if ('linkTo' in program) return `ln -s '${program.linkTo}' ${path}`;
  return `cat >${path} <<'END-OF-SCRIPT'\n${program.script}\nEND-OF-SCRIPT\nchmod 755 ${path}`;
}
