// Passwords in URLs and connection strings: the scheme, user, host, port and path stay, because they are what a connection
// problem is about. Passwords are found as programs find them (up to the last @ of the authority), and also where somebody
// forgot to encode a slash in one.
import { holdsPseudonym } from './pseudonyms.ts';
import { redactAssigned } from './assigned-value.ts';
import type { Pseudonyms } from './pseudonyms.ts';

const url = /(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*):\/\/([^\s"'`<>\\]+)/gi;
/** go-sql-driver/mysql: `user:password@tcp(host:3306)/database`. */
const goDsn = /(?<![\w.-])([\w.-]+):([^\s@"'`«]+)@(tcp|udp|unix)\(/g;

export function redactUrlCredentials(text: string, pseudonyms: Pseudonyms): string {
  if (!text.includes('@')) return text;
  const withoutDsn = text.replace(goDsn, (_whole, user: string, password: string, network: string) => {
    return `${user}:${hide(password, pseudonyms)}@${network}(`;
  });
  if (!withoutDsn.includes('://')) return withoutDsn;
  return withoutDsn.replace(url, (_whole, scheme: string, rest: string) => {
    // `amqp://a:b@h1,amqp://c:d@h2`: the second begins behind the comma.
    const next = rest.search(/,[a-z][a-z0-9+.-]*:\/\//i);
    if (next < 0) return `${scheme}://${redactUserinfo(scheme, rest, pseudonyms)}`;
    const first = redactUserinfo(scheme, rest.slice(0, next), pseudonyms);
    return `${scheme}://${first}${redactUrlCredentials(rest.slice(next), pseudonyms)}`;
  });
}

function redactUserinfo(scheme: string, rest: string, pseudonyms: Pseudonyms): string {
  const at = userinfoEnd(rest);
  if (at < 0) return rest;
  const userinfo = rest.slice(0, at);
  const colon = userinfo.indexOf(':');
  if (colon >= 0) {
    return `${userinfo.slice(0, colon + 1)}${hide(userinfo.slice(colon + 1), pseudonyms)}${rest.slice(at)}`;
  }
  // Over HTTP a user without a password is a token (`https://ghp_…@github.com`).
  const isToken = /^(?:git\+)?https?$/i.test(scheme);
  return isToken ? `${hide(userinfo, pseudonyms)}${rest.slice(at)}` : rest;
}

function userinfoEnd(rest: string): number {
  const authorityEnd = rest.search(/[/?#]/);
  const authority = authorityEnd < 0 ? rest : rest.slice(0, authorityEnd);
  const at = authority.lastIndexOf('@');
  if (at >= 0 || authorityEnd < 0) return at;
  const port = /:([^\]:]*)$/.exec(authority)?.[1];
  const isHostAndPort = port === undefined || /^\d{0,5}$/.test(port);
  return isHostAndPort ? -1 : rest.slice(0, queryStart(rest)).lastIndexOf('@');
}

function queryStart(rest: string): number {
  const query = rest.indexOf('?');
  return query < 0 ? rest.length : query;
}

/** The same password is the same secret whether a URL encodes it or a Secret holds it plain. */
function hide(password: string, pseudonyms: Pseudonyms): string {
  if (holdsPseudonym(password)) return password;
  const plain = decodeUri(password);
  const hidden = redactAssigned('password', plain, pseudonyms);
  return hidden === plain ? password : hidden;
}

export function decodeUri(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
