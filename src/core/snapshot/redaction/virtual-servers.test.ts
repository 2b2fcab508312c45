// Public addresses in IPVS's hexadecimal table are hidden like any others, and stay the same address as elsewhere.
import { expect, test } from 'vitest';
import { createRedactor } from '../redact-files.ts';

test('an address in hexadecimal gets the pseudonym that it has in the other files, and keeps its form', () => {
  const files = new Map([
    ['nodes/n1/hosts', '8.8.4.4 api.example\n'],
    [
      'nodes/n1/ip_vs.txt',
      'TCP  0A2B0001:01BB rr \n  -> 08080404:192B      Masq    1      0          0         \n',
    ],
  ]);
  const redactor = createRedactor([...files].map(([path, text]) => ({ path, text: () => text })));
  const redacted = (path: string): string => redactor.redactFile(path, files.get(path) ?? '');
  const [octet2, octet3, octet4] =
    /^198\.(\d+)\.(\d+)\.(\d+) /.exec(redacted('nodes/n1/hosts'))?.slice(1) ?? [];
  const hex = [198, octet2, octet3, octet4].map((octet) =>
    Number(octet).toString(16).toUpperCase().padStart(2, '0'),
  );
  const table = redacted('nodes/n1/ip_vs.txt');
  expect(table).not.toContain('08080404');
  expect(table).toContain(`-> ${hex.join('')}:192B      Masq`);
  expect(table).toContain('TCP  0A2B0001:01BB rr');
});
