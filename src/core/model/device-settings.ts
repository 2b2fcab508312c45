// Kernel settings (sysctls) of a namespace as numbers, alone and as the kernel combines them.
// In: a namespace's facts and a key. Out: the number, or why it is not known. `sysctl -a` writes a dot within a device's
// name as a slash (`net.ipv4.conf.flannel/1.forwarding`), /proc and some tools do not, so both spellings are read.
import { mapKnown, missing, present } from '../fact/known.ts';
import type { Known } from '../fact/known.ts';
import type { Family } from '../net/address.ts';
import type { NamespaceFacts, SysctlFact } from '../snapshot/namespace-facts.ts';

/** A setting with the key it was found under, for whoever cites or changes it. */
export interface FoundSetting {
  readonly key: string;
  readonly fact: SysctlFact;
  readonly value: number;
}

/** One device's own value; `link` may also be `all` or `default`. */
export function readDeviceSetting(
  facts: NamespaceFacts,
  family: Family,
  link: string,
  name: string,
): Known<number> {
  return mapKnown(findDeviceSetting(facts, family, link, name), (found) => found.value);
}

export function findDeviceSetting(
  facts: NamespaceFacts,
  family: Family,
  link: string,
  name: string,
): Known<FoundSetting> {
  const stem = family === 4 ? 'net.ipv4.conf' : 'net.ipv6.conf';
  const escaped = `${stem}.${link.replaceAll('.', '/')}.${name}`;
  return findFirst(facts, link.includes('.') ? [escaped, `${stem}.${link}.${name}`] : [escaped]);
}

/** Whether it is on for `all` or for the device (IN_DEV_ORCONF in Linux 6.12 include/linux/inetdevice.h). */
export function isOnForAllOrDevice(
  facts: NamespaceFacts,
  family: Family,
  link: string,
  name: string,
): Known<boolean> {
  const all = readDeviceSetting(facts, family, 'all', name);
  const device = readDeviceSetting(facts, family, link, name);
  if (all.known && all.value !== 0) return mapKnown(all, () => true);
  if (device.known && device.value !== 0) return mapKnown(device, () => true);
  return all.known ? mapKnown(device, () => false) : all;
}

/** Whether it is on for `all` and for the device (IN_DEV_ANDCONF). */
export function isOnForAllAndDevice(
  facts: NamespaceFacts,
  family: Family,
  link: string,
  name: string,
): Known<boolean> {
  const all = readDeviceSetting(facts, family, 'all', name);
  const device = readDeviceSetting(facts, family, link, name);
  if (all.known && all.value === 0) return mapKnown(all, () => false);
  if (device.known && device.value === 0) return mapKnown(device, () => false);
  return all.known ? mapKnown(device, () => true) : all;
}

/** The larger of `all` and the device's value (IN_DEV_MAXCONF), as rp_filter is combined: the setting that decides. */
export function findLargerOfAllAndDevice(
  facts: NamespaceFacts,
  family: Family,
  link: string,
  name: string,
): Known<FoundSetting> {
  const all = findDeviceSetting(facts, family, 'all', name);
  const device = findDeviceSetting(facts, family, link, name);
  if (!all.known) return all;
  if (!device.known) return device;
  return device.value.value > all.value.value ? device : all;
}

function findFirst(facts: NamespaceFacts, keys: readonly string[]): Known<FoundSetting> {
  if (!facts.sysctls.known) return facts.sysctls;
  for (const key of keys) {
    const fact = facts.sysctls.value.get(key);
    if (fact === undefined) continue;
    const value = Number.parseInt(fact.value, 10);
    if (Number.isFinite(value)) return present({ key, fact, value }, fact.evidence);
  }
  return missing('absent', facts.sysctls.evidence.path, `${keys[0] ?? ''} is not in it`);
}
