// IPVS's table as the kernel prints it (/proc/net/ip_vs) has its IPv4 addresses in hexadecimal, where nobody would see them
// as addresses. In: its text. Out: the same with each address as its pseudonym, in hexadecimal again, so that what was one
// address in the bundle stays one.
import type { Pseudonyms } from './pseudonyms.ts';
import { redactNames } from './redact-names.ts';

export function redactVirtualServers(text: string, pseudonyms: Pseudonyms): string {
  return text.replace(/\b[0-9A-F]{8}(?=:[0-9A-F]{4}\b)/g, (hex) => {
    const redacted = redactNames(toDotted(hex), pseudonyms);
    return /^\d+(?:\.\d+){3}$/.test(redacted) ? toHex(redacted) : hex;
  });
}

function toDotted(hex: string): string {
  return [0, 2, 4, 6].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join('.');
}

function toHex(dotted: string): string {
  return dotted
    .split('.')
    .map((octet) => Number(octet).toString(16).toUpperCase().padStart(2, '0'))
    .join('');
}
