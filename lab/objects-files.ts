import type { RunningLab } from './build.ts';
export function recordObjects(lab: RunningLab): Record<string, string> {
  return { x: lab.startedAt };
}
