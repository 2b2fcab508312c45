// Replaces what says who and where: public addresses, tailnet names, e-mail addresses. Used on every text, on JSON member
// names and on the bundle's own paths. Addresses that are not routed on the Internet stay, and so does every prefix length.
import { parseAddress } from '../../net/address.ts';
import type { Address } from '../../net/address.ts';
import { isPublicAddress } from './public-address.ts';
import type { Pseudonyms } from './pseudonyms.ts';

export function redactNames(text: string, pseudonyms: Pseudonyms): string {
  let changed = text;
  if (changed.includes('@')) changed = redactPeople(changed, pseudonyms);
  if (/\.ts\.net/i.test(changed)) changed = redactTailnets(changed, pseudonyms);
  if (/\d\.\d/.test(changed)) changed = redactIpv4(changed, pseudonyms);
  if (/:[0-9a-f]{0,4}:/i.test(changed)) changed = redactIpv6(changed, pseudonyms);
  if (/\d-\d/.test(changed)) changed = redactDashedIpv4(changed, pseudonyms);
  return changed;
}

/** What ends unit names (`user@1000.service`) and local host names, and no mail domain. */
const notMailEndings = new Set(
  'service socket timer target slice scope mount automount device path swap local internal lan svc arpa'.split(
    ' ',
  ),
);
const mail = /(?<![\w.+%-])([\w.+%-]+)@((?:[a-z0-9-]+\.)+([a-z]{2,24})|github|passkey)(?![\w-])/gi;

function redactPeople(text: string, pseudonyms: Pseudonyms): string {
  return text.replace(
    mail,
    (whole, _local: string, domain: string, ending: string | undefined, at: number) => {
      // `postgres://user@db.example` names a server, and who connects.
      if (text.slice(Math.max(0, at - 2), at) === '//') return whole;
      if (ending !== undefined && notMailEndings.has(ending.toLowerCase())) return whole;
      return /\.ts\.net$/i.test(domain) ? whole : pseudonyms.person(whole);
    },
  );
}

function redactTailnets(text: string, pseudonyms: Pseudonyms): string {
  return text.replace(/(?<![a-z0-9-])([a-z0-9-]+)\.ts\.net(?![a-z0-9-])/gi, (_whole, label: string) => {
    return `${pseudonyms.tailnet(label)}.ts.net`;
  });
}

const ipv4 =
  /(?<![\w.])(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})(?!\d)(?:(\.in-addr\.arpa)|\/(\d{1,2})(?!\d))?(?!\.\d+\.\d)(?![a-z_])/gi;

function redactIpv4(text: string, pseudonyms: Pseudonyms): string {
  return text.replace(ipv4, (whole, quad: string, arpa: string | undefined, length: string | undefined) => {
    // Most addresses of a cluster are these, and they stay.
    if (arpa === undefined && quad.startsWith('10.')) return whole;
    const spelled = arpa === undefined ? quad : reverseQuad(quad);
    const address = parseAddress(spelled);
    if (address === undefined) return whole;
    const replaced = replaceAddress(address, length, pseudonyms);
    if (replaced === undefined) return whole;
    return arpa === undefined ? replaced : `${reverseQuad(replaced)}${arpa}`;
  });
}

/** Cloud providers' host names: `ec2-86-1-2-3.eu-west-1.compute.example`. Only addresses that the bundle also has with dots. */
function redactDashedIpv4(text: string, pseudonyms: Pseudonyms): string {
  return text.replace(/(?<!\d)(?<!(?:^|[^a-z\d])\d{1,3}-)\d{1,3}(?:-\d{1,3}){3}(?!\d|-\d)/gi, (whole) => {
    const address = parseAddress(whole.replaceAll('-', '.'));
    if (address === undefined || !pseudonyms.isAddressObserved(address)) return whole;
    return replaceAddress(address, undefined, pseudonyms)?.replaceAll('.', '-') ?? whole;
  });
}

const ipv6Run = /(?<![0-9a-f:.])[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*(?:\/(\d{1,3}))?/gi;

function redactIpv6(text: string, pseudonyms: Pseudonyms): string {
  return text.replace(ipv6Run, (whole, length: string | undefined, at: number) => {
    const run = length === undefined ? whole : whole.slice(0, -length.length - 1);
    const found = findIpv6(run, text.charAt(at - 1));
    if (found === undefined) return whole;
    const isWholeRun = found.end === run.length;
    const replaced = replaceAddress(found.address, isWholeRun ? length : undefined, pseudonyms);
    if (replaced === undefined) return whole;
    return run.slice(0, found.start) + replaced + (isWholeRun ? '' : whole.slice(found.end));
  });
}

interface FoundAddress {
  readonly address: Address;
  readonly start: number;
  readonly end: number;
}

/**
 * The address in a run of its letters. The run may have more: a colon of the sentence around it, the port that tcpdump puts
 * behind a dot, a word before a colon (`addr:2a01:…`).
 */
function findIpv6(run: string, before: string): FoundAddress | undefined {
  if (!run.includes('::') && run.split(':').length < 8) return undefined;
  const isAfterWord = /\w/.test(before);
  let end = run.length;
  while (end > 0 && (run[end - 1] === '.' || (run[end - 1] === ':' && run[end - 2] !== ':'))) end--;
  const dot = run.lastIndexOf('.', end - 1);
  for (const stop of dot > 0 ? [end, dot] : [end]) {
    for (let start = isAfterWord ? run.indexOf(':') + 1 : 0, tries = 0; tries < 3 && start < stop; tries++) {
      const address = parseAddress(run.slice(start, stop));
      if (address !== undefined) return { address, start, end: stop };
      const colon = run.indexOf(':', start);
      if (colon < 0 || run[colon + 1] === ':') break;
      start = colon + 1;
    }
  }
  return undefined;
}

/** The pseudonym's text, or undefined where the address stays. Either way it was seen. */
function replaceAddress(
  address: Address,
  length: string | undefined,
  pseudonyms: Pseudonyms,
): string | undefined {
  const bits = length === undefined ? undefined : Number(length);
  if (bits !== undefined && bits > (address.includes(':') ? 128 : 32))
    return replaceAddress(address, undefined, pseudonyms);
  pseudonyms.observeAddress(address, bits);
  if (!isPublicAddress(address) && !address.startsWith('::ffff:') && !address.startsWith('64:ff9b:'))
    return undefined;
  const replaced = pseudonyms.address(address, bits);
  return replaced.length === undefined ? replaced.address : `${replaced.address}/${replaced.length}`;
}

function reverseQuad(quad: string): string {
  return quad.split('.').reverse().join('.');
}
