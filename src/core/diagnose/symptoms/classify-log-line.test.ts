// Lines as the programs themselves print them.
import { describe, expect, it } from 'vitest';
import { classifyLogLine } from './classify-log-line.ts';

type Case = readonly [line: string, kind: string, host?: string, port?: number];

const cases: Readonly<Record<string, readonly Case[]>> = {
  'Python and psycopg2': [
    ['DNS resolution failed: [Errno -3] Temporary failure in name resolution', 'dns-temporary'],
    [
      'psycopg2.OperationalError: could not translate host name "postgres-service" to address: Temporary failure in name resolution',
      'dns-temporary',
      'postgres-service',
    ],
    [
      'psycopg2.OperationalError: could not translate host name "db" to address: Name or service not known',
      'dns-nxdomain',
      'db',
    ],
    [
      'psycopg2.OperationalError: connection to server at "10.42.2.17", port 5432 failed: Connection timed out',
      'timeout',
      '10.42.2.17',
      5432,
    ],
    [
      'psycopg2.OperationalError: connection to server at "db.shop.svc" (10.43.7.9), port 5432 failed: Connection refused',
      'refused',
      '10.43.7.9',
      5432,
    ],
    [
      'sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection to server at "db" (fd00:43::9), port 5432 failed: No route to host',
      'no-route',
      'fd00:43::9',
      5432,
    ],
    ['psycopg2.OperationalError: timeout expired', 'timeout'],
    [
      "requests.exceptions.ConnectTimeout: HTTPConnectionPool(host='auth', port=8080): Max retries exceeded with url: / (Caused by ConnectTimeoutError(<urllib3.connection.HTTPConnection object at 0x7f>, 'Connection to auth timed out. (connect timeout=5)'))",
      'timeout',
      'auth',
      8080,
    ],
    ["OSError: [Errno 113] Connect call failed ('10.42.2.17', 5432)", 'no-route', '10.42.2.17', 5432],
    ['ConnectionRefusedError: [Errno 111] Connection refused', 'refused'],
    ['FATAL:  password authentication failed for user "app"', 'auth'],
  ],
  Go: [
    ['dial tcp 10.42.2.17:5432: i/o timeout', 'timeout', '10.42.2.17', 5432],
    ['dial tcp 10.43.0.1:443: connect: no route to host', 'no-route', '10.43.0.1', 443],
    ['dial tcp [fd00:43::1]:443: connect: network is unreachable', 'no-route', 'fd00:43::1', 443],
    ['dial tcp 10.42.2.17:5432: connect: connection refused', 'refused', '10.42.2.17', 5432],
    [
      'Get "https://10.43.0.1:443/api?timeout=32s": dial tcp 10.43.0.1:443: i/o timeout',
      'timeout',
      '10.43.0.1',
      443,
    ],
    [
      'dial tcp: lookup postgres on 10.43.0.10:53: read udp 10.42.1.7:41234->10.43.0.10:53: i/o timeout',
      'dns-temporary',
      'postgres',
    ],
    ['dial tcp: lookup postgres on 10.43.0.10:53: no such host', 'dns-nxdomain', 'postgres'],
    ['dial tcp: lookup postgres on 10.43.0.10:53: server misbehaving', 'dns-temporary', 'postgres'],
    ['net/http: TLS handshake timeout', 'tls'],
    ['x509: certificate signed by unknown authority', 'tls'],
    ['context deadline exceeded (Client.Timeout exceeded while awaiting headers)', 'timeout'],
  ],
  'Node.js': [
    ['Error: connect ETIMEDOUT 10.42.2.17:5432', 'timeout', '10.42.2.17', 5432],
    ['Error: connect ECONNREFUSED ::1:6379', 'refused', '::1', 6379],
    ['Error: connect EHOSTUNREACH 10.42.2.17:6379', 'no-route', '10.42.2.17', 6379],
    ['Error: getaddrinfo EAI_AGAIN postgres', 'dns-temporary', 'postgres'],
    ['Error: getaddrinfo ENOTFOUND postgres.shop', 'dns-nxdomain', 'postgres.shop'],
  ],
  Java: [
    [
      'java.net.UnknownHostException: postgres: Temporary failure in name resolution',
      'dns-temporary',
      'postgres',
    ],
    ['java.net.UnknownHostException: postgres', 'dns-temporary', 'postgres'],
    ['java.net.SocketTimeoutException: connect timed out', 'timeout'],
    [
      'org.postgresql.util.PSQLException: Connection to 10.42.2.17:5432 refused. Check that the hostname and port are correct',
      'refused',
      '10.42.2.17',
      5432,
    ],
    ['java.net.NoRouteToHostException: No route to host', 'no-route'],
    [
      'io.netty.channel.ConnectTimeoutException: connection timed out: redis/10.43.4.4:6379',
      'timeout',
      '10.43.4.4',
      6379,
    ],
  ],
  '.NET': [
    ['System.Net.Http.HttpRequestException: Connection refused (auth:8080)', 'refused', 'auth', 8080],
    [
      'System.Net.Sockets.SocketException (00000001, 11): Resource temporarily unavailable (auth:8080)',
      'dns-temporary',
      'auth',
      8080,
    ],
    ['System.Net.Sockets.SocketException (113): No route to host', 'no-route'],
    ['System.TimeoutException: Timeout during connection attempt', 'timeout'],
  ],
  PHP: [
    ['SQLSTATE[HY000] [2002] Connection timed out', 'timeout'],
    [
      'php_network_getaddresses: getaddrinfo for db failed: Temporary failure in name resolution',
      'dns-temporary',
      'db',
    ],
    [
      'SQLSTATE[08006] [7] could not connect to server: No route to host\tIs the server running on host "10.42.2.17" and accepting TCP/IP connections on port 5432?',
      'no-route',
      '10.42.2.17',
      5432,
    ],
  ],
  Rust: [
    ['Error: Io(Os { code: 110, kind: TimedOut, message: "Connection timed out" })', 'timeout'],
    ['Error: Os { code: 113, kind: HostUnreachable, message: "No route to host" }', 'no-route'],
    ['failed to lookup address information: Temporary failure in name resolution', 'dns-temporary'],
    ['failed to lookup address information: Name does not resolve', 'dns-nxdomain'],
    ['error trying to connect: tcp connect error: Connection refused (os error 111)', 'refused'],
  ],
  nginx: [
    [
      '2026/01/20 10:00:00 [error] 7#7: *1 upstream timed out (110: Operation timed out) while connecting to upstream, client: 10.42.0.9, server: _, request: "GET / HTTP/1.1", upstream: "http://10.42.2.17:8000/", host: "app.example"',
      'timeout',
      '10.42.2.17',
      8000,
    ],
    [
      '2026/01/20 10:00:00 [error] 7#7: *1 connect() failed (113: Host is unreachable) while connecting to upstream, client: 10.42.0.9, server: _, request: "GET / HTTP/1.1", upstream: "http://10.42.2.17:8000/"',
      'no-route',
      '10.42.2.17',
      8000,
    ],
    [
      '[emerg] 1#1: host not found in upstream "api.shop.svc" in /etc/nginx/conf.d/default.conf:4',
      'dns-temporary',
      'api.shop.svc',
    ],
    [
      '*3 api.shop.svc could not be resolved (110: Operation timed out), client: 10.42.0.9',
      'dns-temporary',
      'api.shop.svc',
    ],
  ],
  redis: [
    ['Could not connect to Redis at 10.42.2.9:6379: Connection timed out', 'timeout', '10.42.2.9', 6379],
    [
      'redis.exceptions.ConnectionError: Error -3 connecting to redis:6379. Temporary failure in name resolution.',
      'dns-temporary',
      'redis',
      6379,
    ],
    ['redis.exceptions.TimeoutError: Timeout connecting to server', 'timeout'],
    ['NOAUTH Authentication required.', 'auth'],
  ],
  'curl and musl': [
    ['curl: (6) Could not resolve host: api.shop.svc', 'dns-temporary', 'api.shop.svc'],
    [
      'curl: (28) Failed to connect to 10.42.2.17 port 8080 after 3001 ms: Timeout was reached',
      'timeout',
      '10.42.2.17',
      8080,
    ],
    ['curl: (7) Failed to connect to api port 8080 after 5 ms: Connection refused', 'refused', 'api', 8080],
    ["wget: bad address 'api.shop.svc'", 'dns-temporary', 'api.shop.svc'],
    ['wget: download timed out', 'timeout'],
    ['getaddrinfo: Try again', 'dns-temporary'],
  ],
};

describe.each(Object.entries(cases))('%s', (_, lines) => {
  it.each(lines.map((one) => [one[0], one] as const))('%s', (line, [, kind, host, port]) => {
    expect(classifyLogLine(line)).toEqual({
      class: kind,
      ...(host === undefined ? {} : { destination: port === undefined ? { host } : { host, port } }),
    });
  });
});

describe('lines about something else', () => {
  it.each([
    '10.42.1.1 - - [20/Jan/2026:10:00:00 +0000] "GET /healthz HTTP/1.1" 200 2',
    'Listening on 0.0.0.0:8080 (timeout 30s)',
    'INFO: connected to postgres://db:5432',
    "KeyError: 'SECRET_KEY'",
    'request timeout set to 30 seconds',
    'dns cache size 1000, negative ttl 5, timeout 2s',
    'worker exited with code 137',
  ])('%s', (line) => {
    expect(classifyLogLine(line)).toBeUndefined();
  });
});
