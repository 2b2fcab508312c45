// What a log line says about a connection. In: one line. Out: its class and, where it names one, the destination.
// The wordings are those of the programs themselves: glibc (EAI_AGAIN), libpq and psycopg2, Go's net package, Node.js, the
// JVM, musl, curl.
import type { LogErrorClass } from '../diagnosis.ts';

export interface LogError {
  readonly class: LogErrorClass;
  /** An address or a name, with a port where there is one. */
  readonly destination?: { readonly host: string; readonly port?: number };
}

interface Pattern {
  readonly class: LogErrorClass;
  readonly pattern: RegExp;
}

/**
 * The more particular first: a name that does not resolve often says timeout as well. Where a program says the same for a
 * name that is not there and a server that does not answer (curl, busybox, nginx, the JVM), it counts as the latter: the
 * other class would claim that the name server answered.
 */
const patterns: readonly Pattern[] = [
  {
    class: 'dns-temporary',
    pattern:
      /temporary failure in name resolution|EAI_AGAIN|\[Errno -3\]|server misbehaving|lookup \S+( on \S+)?: .*(i\/o timeout|timed out)|\bdns\b.{0,60}\b(timed out|time-?out (while|after)|(request|query|lookup) time-?out)|could not be resolved \(110|SocketException \([0-9, ]*11\): Resource temporarily unavailable|getaddrinfo: try again/i,
  },
  {
    class: 'dns-nxdomain',
    pattern:
      /name or service not known|ENOTFOUND|no such host|\[Errno -2\]|nodename nor servname|NXDOMAIN|Name does not resolve/i,
  },
  {
    class: 'dns-temporary',
    pattern:
      /UnknownHostException|could not resolve host|host not found in upstream|could not be resolved|bad address '/i,
  },
  {
    class: 'no-route',
    pattern:
      /no route to host|\[Errno (113|101)\]|EHOSTUNREACH|network is unreachable|ENETUNREACH|host is unreachable/i,
  },
  {
    class: 'refused',
    pattern: /connection refused|connection to \S+ refused|\[Errno 111\]|ECONNREFUSED|actively refused/i,
  },
  {
    class: 'tls',
    pattern:
      /TLS handshake (timeout|error)|certificate (has expired|verify failed|is not valid|signed by unknown)|x509: /i,
  },
  {
    class: 'timeout',
    pattern:
      /connection timed out|connect.{0,40}timed? ?out|i\/o timeout|ETIMEDOUT|context deadline exceeded|SocketTimeoutException|operation timed out|timeout was reached|download timed out|timeout connecting to|timeout during connection|\[Errno 110\]|dial tcp .* timeout|ConnectTimeout|timeout expired/i,
  },
  { class: 'auth', pattern: /password authentication failed|access denied for user|WRONGPASS|NOAUTH/i },
];

export function classifyLogLine(line: string): LogError | undefined {
  const found = patterns.find(({ pattern }) => pattern.test(line));
  if (found === undefined) return undefined;
  const destination = findDestination(line);
  return destination === undefined ? { class: found.class } : { class: found.class, destination };
}

const destinationPatterns: readonly RegExp[] = [
  // Go: `dial tcp 10.42.2.17:5432: connect: …`, `dial tcp [fd00::1]:443: …`
  /dial (?:tcp|udp)[46]? \[?([0-9a-fA-F:.]+|[\w.-]+)\]?:(\d+)/,
  // Node.js: `connect ETIMEDOUT 10.42.2.17:5432`, `getaddrinfo EAI_AGAIN postgres`
  /connect E[A-Z]+ \[?([0-9a-fA-F:.]+)\]?:(\d+)/,
  /getaddrinfo (?:for|E\w+) ([\w.-]+)/,
  // Python: asyncio, urllib3, redis-py
  /Connect call failed \('([^']+)', (\d+)/,
  /ConnectionPool\(host='([^']+)', port=(\d+)\)/,
  /connecting to ([\w.-]+):(\d+)/,
  // The JVM, .NET
  /UnknownHostException: ([\w.-]+)/,
  /\(([\w.-]+):(\d{2,5})\)\s*$/,
  // curl, busybox
  /could not resolve host: ([\w.-]+)/i,
  /failed to connect to ([\w.:-]+) port (\d+)/i,
  /bad address '([^']+)'/,
  // nginx
  /host not found in upstream "([^":]+)/,
  /(\S+) could not be resolved \(/,
  /upstream: "[a-z]+:\/\/\[?([\w.-]+|[0-9a-fA-F:]+)\]?:(\d+)/,
  // libpq: `connection to server at "postgres" (10.43.1.2), port 5432 failed`
  /server at "[^"]*" \(([0-9a-fA-F:.]+)\), port (\d+)/,
  /server at "([^"]+)", port (\d+)/,
  // libpq before 14: `host "10.42.2.17" and accepting TCP/IP connections on port 5432`
  /host "([^"]+)"(?: \([0-9a-fA-F:.]+\))? and accepting TCP\/IP connections on port (\d+)/,
  /could not translate host name "([^"]+)"/,
  // Go's resolver: `lookup postgres on 10.43.0.10:53`
  /lookup ([\w.-]+)(?: on \S+)?:/,
  // A URL or a plain address with a port.
  /[a-z][a-z0-9+.-]*:\/\/(?:[^@\s/]*@)?\[?([\w.-]+|[0-9a-fA-F:]+)\]?(?::(\d+))?/i,
  /\b(\d{1,3}(?:\.\d{1,3}){3}):(\d{1,5})\b/,
];

function findDestination(line: string): LogError['destination'] {
  for (const pattern of destinationPatterns) {
    const match = pattern.exec(line);
    const host = match?.[1];
    if (host === undefined) continue;
    const port = match?.[2];
    return port === undefined ? { host } : { host, port: Number(port) };
  }
  return undefined;
}
