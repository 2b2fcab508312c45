// `tailscale debug prefs` (1.40 to 1.102): what this machine's tailscaled was told to do.
import type { BundleFile } from '../bundle-file.ts';
import type { TailscalePrefs } from '../machine-facts.ts';
import { flagOf, parseJsonObject, textOf, withoutUndefined } from '../syntax/parse-json.ts';
import { notUnderstood, understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';
import { prefixesOf } from './read-tailscale-status.ts';

export function readTailscalePrefs(file: BundleFile): Reading<TailscalePrefs> {
  const parsed = parseJsonObject(file);
  if (!parsed.isUnderstood) return parsed;
  const prefs = parsed.value;
  if (!('RouteAll' in prefs) && !('WantRunning' in prefs)) {
    return notUnderstood('not understood (neither RouteAll nor WantRunning in it)');
  }
  return understood(
    withoutUndefined<TailscalePrefs>({
      evidence: { path: file.path },
      routeAll: flagOf(prefs.RouteAll),
      advertiseRoutes: prefixesOf(prefs.AdvertiseRoutes),
      isShieldsUp: flagOf(prefs.ShieldsUp),
      noSnat: flagOf(prefs.NoSNAT),
      noStatefulFiltering: flagOf(prefs.NoStatefulFiltering),
      exitNodeId: textOf(prefs.ExitNodeID),
      wantRunning: flagOf(prefs.WantRunning),
    }),
  );
}
