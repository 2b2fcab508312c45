// A fault of the lab: what is wrong, in words; how it is made, in the plan or in the kernel of a running lab; and what
// a diagnosis must find. One file per fault stands in faults/; this is the shape they share.
import { expectSuccess } from './machine.ts';
import type { LabMachine } from './machine.ts';
import type { LabPlan } from './planned.ts';
import type { Signature } from './signature.ts';
import type { Tailnet } from './tailnet-request.ts';

/** What a diagnosis must find: exactly these, and nothing besides. */
export interface ExpectedCause {
  /** Where a catalogued diagnosis exists for it. */
  readonly code?: string;
  readonly layer: string;
  /** At least these, most specific first. */
  readonly subjects: readonly string[];
}

/** What a fault may lay its hands on. */
export interface FaultGround {
  readonly plan: LabPlan;
  readonly machines: ReadonlyMap<string, LabMachine>;
  readonly tailnet: Tailnet | undefined;
}

export interface LabFault {
  readonly name: string;
  /** One line for `lab list`. */
  readonly title: string;
  /** What happened, in the words of a person who was there. */
  readonly description: string;
  /** Empty where the state is odd, but everything arrives. */
  readonly expected: readonly ExpectedCause[];
  /** The fault that this state looks like and is none of. */
  readonly twinOf?: string;
  /** What it does to real packets, as reasoned and as measured. */
  readonly signature?: Signature;
  /** Changes what gets built: who accepts and advertises routes, which card flannel uses. */
  readonly changePlan?: (plan: LabPlan) => LabPlan;
  /** Changes the running lab, before its application starts. */
  readonly make?: (ground: FaultGround) => Promise<void>;
}

/** Runs shell commands on one machine of the lab, all or none reported as one error. */
export async function changeMachine(
  ground: FaultGround,
  name: string,
  commands: readonly string[],
): Promise<void> {
  const machine = ground.machines.get(name);
  if (machine === undefined) throw new Error(`this fault needs ${name}, which the lab has not`);
  expectSuccess(
    await machine.run(['sh', '-e'], { input: `${commands.join('\n')}\n` }),
    `making a fault on ${name}`,
  );
}
