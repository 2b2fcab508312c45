// `bridge -j -d link` and its text: the state of each bridge port, merged into the links. The device name that bridge
// prints as `link` is not read: it looks an index of another namespace up in this one (iproute2 6.1).
import type { Evidence } from '../../fact/evidence.ts';
import type { BundleFile } from '../bundle-file.ts';
import type { LinkFact } from '../namespace-facts.ts';
import { flagOf, numberOf, textOf } from '../syntax/parse-json.ts';
import type { Reading } from '../syntax/reading.ts';
import { readJsonRows, readTextRows } from '../syntax/read-rows.ts';
import { wordsOf } from '../syntax/text-lines.ts';
import { onOff, parseLinkHeader } from './link-text.ts';

export interface BridgePortFact {
  readonly evidence: Evidence;
  readonly index: number;
  readonly isHairpin?: boolean;
  readonly isForwarding?: boolean;
  readonly isIsolated?: boolean;
}

export function readBridgeLinksJson(file: BundleFile): Reading<readonly BridgePortFact[]> {
  return readJsonRows(file, (row, evidence) => {
    const index = numberOf(row.ifindex);
    if (index === undefined) return undefined;
    const state = textOf(row.state);
    const port: BridgePortFact = {
      evidence,
      index,
      isHairpin: flagOf(row.hairpin),
      isForwarding: state === undefined ? undefined : state === 'forwarding',
      isIsolated: flagOf(row.isolated),
    };
    return [port];
  });
}

export function readBridgeLinksText(file: BundleFile): Reading<readonly BridgePortFact[]> {
  return readTextRows(file, (record, evidence) => {
    const header = parseLinkHeader(record.head.text);
    if (header === undefined) return undefined;
    const words = record.body.flatMap((line) => wordsOf(line.text));
    const { state } = header;
    const port: BridgePortFact = {
      evidence,
      index: header.index,
      isHairpin: onOff(words, 'hairpin'),
      isForwarding: state === undefined ? undefined : state === 'forwarding',
      isIsolated: onOff(words, 'isolated'),
    };
    return [port];
  });
}

/** What the bridge says about a port wins over what the link says about itself. */
export function mergeBridgePorts(
  links: readonly LinkFact[],
  ports: readonly BridgePortFact[],
): readonly LinkFact[] {
  const byIndex = new Map(ports.map((port) => [port.index, port]));
  return links.map((link) => {
    const port = byIndex.get(link.index);
    if (port === undefined) return link;
    return {
      ...link,
      ...(port.isHairpin === undefined ? {} : { isHairpin: port.isHairpin }),
      ...(port.isForwarding === undefined ? {} : { isForwarding: port.isForwarding }),
      ...(port.isIsolated === undefined ? {} : { isIsolated: port.isIsolated }),
    };
  });
}
