// `--what-if 'ip rule add …'` as changes of observed state. In: commands as a person would type them on a machine (`node-2:`
// before one names another machine than the sender's), and the snapshot that they change. Out: the changes; or one
// sentence about the word that could not be read, or the fact that would have to be known.
import type { Known } from '../../core/fact/known.ts';
import type { Family } from '../../core/net/address.ts';
import type { Change } from '../../core/snapshot/change.ts';
import type { NamespaceFacts } from '../../core/snapshot/namespace-facts.ts';
import type { Snapshot } from '../../core/snapshot/snapshot.ts';
import { Failure } from '../failure.ts';
import { completeRoute, findRoute, parseRouteParts } from './parse-route.ts';
import { completeRule, describeRules, findRule, parseRuleParts } from './parse-rule.ts';
import { readWords } from './words.ts';
import type { Words } from './words.ts';

const supported =
  '"ip rule add|del", "ip route add|replace|del", "ip link set DEV up" and "sysctl -w KEY=VALUE"';

interface Place {
  /** `node/n` or `host/h`. */
  readonly machine: string;
  readonly facts: NamespaceFacts;
  readonly command: string;
}

/** `machine`: where commands run that name none. */
export function parseWhatIf(text: string, snapshot: Snapshot, machine: string): readonly Change[] {
  const named = /^\s*([\w./-]+):\s+(.*)$/s.exec(text);
  const command = (named?.[2] ?? text).trim();
  const id = named?.[1] === undefined ? machine : machineNamed(named[1], snapshot);
  const facts = factsOf(id, snapshot);
  const words = readWords(
    command.split(/\s+/).filter((word) => word !== '' && word !== 'sudo'),
    command,
  );
  const place = { machine: id, facts, command };
  if (words.take('sysctl') !== undefined) return [parseSysctl(words, place)];
  if (words.take('ip') !== undefined) return parseIp(words, place);
  throw new Failure(`--what-if "${command}" cannot be simulated; ${supported} can.`);
}

function machineNamed(name: string, snapshot: Snapshot): string {
  const bare = name.replace(/^(?:node|host)\//, '');
  if (snapshot.nodes.has(bare) && !name.startsWith('host/')) return `node/${bare}`;
  if (snapshot.hosts.has(bare)) return `host/${bare}`;
  throw new Failure(`--what-if: there is no machine "${name}" in the evidence.`);
}

function factsOf(machine: string, snapshot: Snapshot): NamespaceFacts {
  const [kind, ...rest] = machine.split('/');
  const machines = kind === 'host' ? snapshot.hosts : snapshot.nodes;
  const facts = machines.get(rest.join('/'))?.root;
  if (facts === undefined) throw new Failure(`--what-if: nothing was collected on ${machine}.`);
  return facts;
}

function parseIp(words: Words, place: Place): readonly Change[] {
  let family: Family = 4;
  for (let flag = words.take('-4', '-6'); flag !== undefined; flag = words.take('-4', '-6')) {
    family = flag === '-6' ? 6 : 4;
  }
  if (words.take('rule', 'ru') !== undefined) return [parseRule(words, place, family)];
  if (words.take('route', 'r', 'ro') !== undefined) return parseRoute(words, place, family);
  if (words.take('link', 'l') !== undefined) return [parseLink(words, place)];
  throw new Failure(`--what-if "${place.command}" cannot be simulated; ${supported} can.`);
}

function parseRule(words: Words, place: Place, family: Family): Change {
  const verb = words.take('add', 'a', 'del', 'delete', 'd');
  if (verb === undefined) throw new Failure(`--what-if "${place.command}": "ip rule" takes add or del.`);
  const parts = parseRuleParts(words, family);
  const existing = requireKnown(place.facts.rules[parts.family ?? family], place);
  if (verb.startsWith('a')) {
    return { kind: 'add-rule', namespace: place.machine, rule: completeRule(parts, existing) };
  }
  const found = findRule(parts, existing);
  if (found === undefined) {
    throw new Failure(
      `--what-if "${place.command}": ${place.machine} has no such rule; ${describeRules(existing)}.`,
    );
  }
  return { kind: 'remove-rule', namespace: place.machine, rule: found };
}

function parseRoute(words: Words, place: Place, family: Family): readonly Change[] {
  const verb = words.take('add', 'a', 'append', 'replace', 'change', 'del', 'delete', 'd');
  if (verb === undefined) {
    throw new Failure(`--what-if "${place.command}": "ip route" takes add, replace or del.`);
  }
  const parts = parseRouteParts(words, family);
  const existing = requireKnown(place.facts.routes[parts.family ?? family], place);
  const { machine } = place;
  if (verb.startsWith('d')) {
    const found = findRoute(parts, existing);
    if (found === undefined) throw new Failure(`--what-if "${place.command}": ${machine} has no such route.`);
    return [{ kind: 'remove-route', namespace: machine, route: found }];
  }
  const route = completeRoute(parts);
  const replaced =
    verb === 'replace' || verb === 'change'
      ? findRoute(
          { family: route.family, destination: route.destination, table: route.table, metric: route.metric },
          existing,
        )
      : undefined;
  return [
    ...(replaced === undefined
      ? []
      : [{ kind: 'remove-route', namespace: machine, route: replaced } as const]),
    { kind: 'add-route', namespace: machine, route },
  ];
}

function parseLink(words: Words, place: Place): Change {
  const isSet = words.take('set', 's') !== undefined;
  words.take('dev');
  const link = words.isEmpty() ? undefined : words.next();
  if (!isSet || link === undefined || words.take('up') === undefined) {
    throw new Failure(`--what-if "${place.command}": of "ip link" only "set DEV up" can be simulated.`);
  }
  return { kind: 'set-link-up', namespace: place.machine, link };
}

function parseSysctl(words: Words, place: Place): Change {
  while (words.take('-w', '-q') !== undefined);
  const texts: string[] = [];
  while (!words.isEmpty()) texts.push(words.next());
  const setting = /^([\w./-]+)\s*=\s*(\S+)$/.exec(texts.join(' '));
  const [, name, value] = setting ?? [];
  if (name === undefined || value === undefined) {
    throw new Failure(`--what-if "${place.command}": write sysctl -w KEY=VALUE.`);
  }
  // Slashes and dots mean the same to sysctl where no name holds a dot (procps 4, sysctl.c).
  const key = name.includes('.') ? name : name.replaceAll('/', '.');
  const { sysctls } = place.facts;
  const was = sysctls.known ? sysctls.value.get(key)?.value : undefined;
  return {
    kind: 'set-sysctl',
    namespace: place.machine,
    key,
    value,
    ...(was === undefined ? {} : { was }),
  };
}

function requireKnown<T>(fact: Known<readonly T[]>, place: Place): readonly T[] {
  if (fact.known) return fact.value;
  throw new Failure(
    `--what-if "${place.command}" cannot be simulated: ${fact.path} of ${place.machine} is missing (${fact.reason}).`,
  );
}
