// Where a base chain stands among those of its hook: `priority dstnat - 10`, `priority 0`, as `nft list` (1.0.6) prints
// it. The names mean other numbers in bridge tables than elsewhere (linux/netfilter_bridge.h).
import type { FilterFamily } from '../../filter-facts.ts';

const usual: Readonly<Record<string, number | undefined>> = {
  raw: -300,
  mangle: -150,
  dstnat: -100,
  filter: 0,
  security: 50,
  srcnat: 100,
};

const ofBridge: Readonly<Record<string, number | undefined>> = {
  dstnat: -300,
  filter: -200,
  out: 100,
  srcnat: 300,
};

export function parsePriority(text: string, family: FilterFamily): number | undefined {
  const found = /^(-?\d+|[a-z]+)(?:\s*([+-])\s*(\d+))?$/.exec(text.trim());
  if (found === null) return undefined;
  const [, start = '', sign, distance = '0'] = found;
  const names = family === 'bridge' ? ofBridge : usual;
  const from = /\d/.test(start) ? Number(start) : names[start];
  if (from === undefined) return undefined;
  return sign === '-' ? from - Number(distance) : from + Number(distance);
}
