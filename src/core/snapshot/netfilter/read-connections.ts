// `conntrack -L` as the connections that the kernel tracks: with `-o extended` (as /proc/net/nf_conntrack has it) a line
// begins `ipv4 2 tcp 6 …`, without it `tcp 6 …`. In: the file. Out: its connections, in their order; every line stands for
// itself. Where the archive ended early the line that was cut is left out; elsewhere it costs the file.
// What would surprise: ICMP's type, code and id stand where ports do and count as 0; an entry in another conntrack zone is
// kept with its zone, and is met only by packets that a rule put there.
import type { Evidence } from '../../fact/evidence.ts';
import { parseAddress } from '../../net/address.ts';
import type { BundleFile } from '../bundle-file.ts';
import { withoutUndefined } from '../syntax/parse-json.ts';
import { notUnderstood, understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';
import { wordsOf } from '../syntax/text-lines.ts';
import type { ConnectionFact, ConnectionTuple } from '../filter-facts.ts';

export function readConnections(file: BundleFile): Reading<readonly ConnectionFact[]> {
  const lines = file.text().split('\n');
  const rest = lines.pop() ?? '';
  if (rest !== '' && file.isTruncated !== true) {
    return notUnderstood(`cut off at byte ${file.bytes.length} (its last line does not end)`);
  }
  const connections: ConnectionFact[] = [];
  for (const [index, line] of lines.entries()) {
    const text = line.trim();
    // conntrack 1.4.7 says on its error output how many it has shown; a shell may have put it here.
    if (text === '' || /^conntrack v\S+ \(conntrack-tools\):/.test(text)) continue;
    const connection = readConnection(text, { path: file.path, at: `L${index + 1}`, quote: text });
    if (connection === undefined) return notUnderstood(`not understood at line ${index + 1}`);
    connections.push(connection);
  }
  return understood(connections);
}

function readConnection(text: string, evidence: Evidence): ConnectionFact | undefined {
  const words = wordsOf(text);
  const isExtended = words[0] === 'ipv4' || words[0] === 'ipv6';
  const [, numberText = '', ...others] = isExtended ? words.slice(2) : words;
  if (!/^\d{1,3}$/.test(numberText)) return undefined;
  const start = others.findIndex((word) => word.includes('='));
  const reply = others.findIndex((word, index) => index > start && word.startsWith('src='));
  if (start < 0 || reply < 0) return undefined;
  const original = readTuple(others.slice(start, reply));
  const back = readTuple(others.slice(reply));
  const mark = Number(valueOf(others, 'mark') ?? 0);
  if (original === undefined || back === undefined || !Number.isInteger(mark)) return undefined;
  const lead = others.slice(0, start);
  const timeout = lead.find((word) => /^\d+$/.test(word));
  const zone = ['zone', 'zone-orig', 'zone-reply'].map((key) => valueOf(others, key)).find(isOtherZone);
  return withoutUndefined<ConnectionFact>({
    evidence,
    protocol: Number(numberText),
    original,
    reply: back,
    state: lead.find((word) => /^[A-Z][A-Z0-9_]*$/.test(word)),
    isReplied: !others.includes('[UNREPLIED]'),
    isAssured: others.includes('[ASSURED]'),
    mark,
    timeoutSeconds: timeout === undefined ? undefined : Number(timeout),
    zone: zone === undefined ? undefined : Number(zone),
  });
}

function isOtherZone(zone: string | undefined): boolean {
  return zone !== undefined && zone !== '0';
}

function valueOf(words: readonly string[], key: string): string | undefined {
  return words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
}

function readTuple(words: readonly string[]): ConnectionTuple | undefined {
  const source = parseAddress(valueOf(words, 'src') ?? '');
  const destination = parseAddress(valueOf(words, 'dst') ?? '');
  const sourcePort = Number(valueOf(words, 'sport') ?? 0);
  const destinationPort = Number(valueOf(words, 'dport') ?? 0);
  if (source === undefined || destination === undefined) return undefined;
  if (!isPort(sourcePort) || !isPort(destinationPort)) return undefined;
  return { source, destination, sourcePort, destinationPort };
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 65535;
}
