// Collecting over SSH: the system's ssh against a real sshd, both inside a test machine. Reached as root, as a user with
// and without sudo, through noisy and hanging logins, and not at all.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collectMachines } from '../../src/io/collect/collect-machines.ts';
import type { MachineResult } from '../../src/io/collect/collect-machines.ts';
import { describeEnteredMachine, describeSshMachine } from '../../src/io/collect/source.ts';
import type { MachineSource } from '../../src/io/collect/source.ts';
import { steadyText, isVolatileFile } from './steady-text.ts';
import { findSurvivors, oddNetwork, oddPods, startTestMachine } from './test-machine.ts';
import type { TestMachine } from './test-machine.ts';

/** Users by what their login does: tester has a plain shell, noisy a greeting, hanging never comes back. */
const sshServer = `
mkdir -p /run/sshd /run/keys /run/fake
ssh-keygen -q -t ed25519 -N '' -f /run/keys/host
ssh-keygen -q -t ed25519 -N '' -f /run/keys/user
ssh-keygen -q -t ed25519 -N '' -f /run/keys/stranger
printf '[127.0.0.1]:2222 %s\\n' "$(cut -d' ' -f1,2 /run/keys/host.pub)" >/run/keys/known_hosts
: >/run/keys/no_known_hosts
chmod 755 /run/keys && chmod 644 /run/keys/user.pub
printf '#!/bin/sh\\necho "Welcome to the machine"; exec sh "$@"\\n' >/run/fake/noisy-shell
printf '#!/bin/sh\\nexec sleep 984\\n' >/run/fake/hanging-shell
printf '#!/bin/sh\\ncase "$*" in -u) echo "\${BECAME-1000}";; *) exec /usr/bin/id "$@";; esac\\n' >/run/fake/id
printf '#!/bin/sh\\n[ "$1" = -n ] && shift && export BECAME=0 && exec "$@"\\n' >/run/fake/sudo
chmod -R a+rx /run/fake
for user in tester noisy hanging; do
  shell=/run/fake/$user-shell
  [ "$user" != tester ] || shell=/bin/sh
  echo "$user:*:4242:4242::/tmp:$shell" >>/etc/passwd
done
chmod 1777 /tmp
cat >/run/keys/sshd_config <<'END'
Port 2222
ListenAddress 127.0.0.1
HostKey /run/keys/host
AuthorizedKeysFile /run/keys/user.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
END
cat >/run/fake/sudo-session <<'END'
#!/bin/sh
PATH=/run/fake:$PATH
export PATH
exec sh -c "$SSH_ORIGINAL_COMMAND"
END
chmod a+rx /run/fake/sudo-session
sed 's/^Port 2222/Port 2223/; s/^PidFile none/&\\nForceCommand \\/run\\/fake\\/sudo-session/' /run/keys/sshd_config >/run/keys/sshd_config_sudo
/usr/sbin/sshd -f /run/keys/sshd_config
/usr/sbin/sshd -f /run/keys/sshd_config_sudo
printf '[127.0.0.1]:2223 %s\\n' "$(cut -d' ' -f1,2 /run/keys/host.pub)" >>/run/keys/known_hosts
`;

describe.runIf(process.getuid?.() === 0)('collecting over SSH', () => {
  let machine: TestMachine;
  beforeAll(async () => (machine = await startTestMachine(oddNetwork + oddPods + sshServer)));
  afterAll(() => machine.stop());

  /** The ssh client runs inside the test machine as well: there is no way in from outside. */
  function over(user: string, name: string, options: Readonly<Record<string, string>> = {}): MachineSource {
    const ssh = {
      Port: '2222',
      IdentityFile: '/run/keys/user',
      IdentitiesOnly: 'yes',
      UserKnownHostsFile: '/run/keys/known_hosts',
      GlobalKnownHostsFile: '/dev/null',
      ...options,
    };
    const words = Object.entries(ssh).map(([key, value]) => `${key}=${value}`);
    const source = describeSshMachine({ destination: `${user}@127.0.0.1`, name }, 'node', words);
    return { ...source, command: (request) => [...machine.enter, ...source.command(request)] };
  }

  const problemOf = (result: MachineResult, file: string): string | undefined =>
    result.items.find(({ path }) => path === `nodes/${result.name}/${file}`)?.problem;

  it('asks several at once; each that fails says why and costs only itself', async () => {
    const results = await collectMachines(
      [
        over('root', 'as-root'),
        over('tester', 'as-user'),
        over('noisy', 'as-noisy'),
        over('hanging', 'as-hanging'),
        over('root', 'with-sudo', { Port: '2223' }),
        over('root', 'no-such-port', { Port: '2229' }),
        over('root', 'wrong-key', { IdentityFile: '/run/keys/stranger' }),
        over('root', 'unknown-host', { UserKnownHostsFile: '/run/keys/no_known_hosts' }),
        over('root', 'no-such-host', { Hostname: 'no-such-host.invalid' }),
        { ...over('root', 'silent'), command: () => [...machine.enter, 'sh', '-c', 'sleep 983'] },
      ],
      { version: 'test', timeoutMs: 20_000 },
    );
    const outcomes = results.map(({ name, files, failure }) => [name, files.size > 0, failure?.problem]);
    expect(outcomes).toEqual([
      ['as-root', true, undefined],
      ['as-user', true, undefined],
      ['as-noisy', true, undefined],
      ['as-hanging', false, 'timed-out'],
      ['with-sudo', true, undefined],
      ['no-such-port', false, 'unreachable'],
      ['wrong-key', false, 'forbidden'],
      ['unknown-host', false, 'forbidden'],
      ['no-such-host', false, 'unreachable'],
      ['silent', false, 'timed-out'],
    ]);
    const [asRoot, asUser, , , withSudo] = results as [
      MachineResult,
      MachineResult,
      unknown,
      unknown,
      MachineResult,
    ];
    expect([problemOf(asRoot, 'nft.json'), problemOf(asUser, 'nft.json')]).toEqual([undefined, 'forbidden']);
    expect(problemOf(asUser, 'pods/')).toBe('forbidden');
    expect(asUser.files.has('nodes/as-user/ip-rule-4.json')).toBe(true);
    expect([...withSudo.files.keys()].some((path) => path.includes('/pods/shop_web-0/'))).toBe(true);
    expect(results.map(({ failure }) => failure?.detail)).toMatchObject({
      5: expect.stringMatching(/Connection refused/) as unknown,
      6: expect.stringMatching(/^refused the login: .*Permission denied/) as unknown,
      7: 'its host key is not known here; log in once by hand, or put it into known_hosts',
    });
    expect(await findSurvivors(machine, '^sleep 983')).toBe('');
  });

  it('gives what collecting on the machine gives, and tells the clocks apart', async () => {
    const [remote, local] = await collectMachines(
      [over('root', 'n1'), describeEnteredMachine({ name: 'n1', kind: 'node', enter: machine.enter })],
      { version: 'test', concurrency: 1 },
    );
    expect([...remote!.files.keys()]).toEqual([...local!.files.keys()]);
    for (const [path, bytes] of remote!.files) {
      if (isVolatileFile(path) || path.endsWith('/ss.txt')) continue;
      const text = (content: Uint8Array | undefined): string => steadyText(new TextDecoder().decode(content));
      expect(text(bytes), path).toBe(text(local!.files.get(path)));
    }
    const clock = (result: MachineResult): unknown =>
      JSON.parse(new TextDecoder().decode(result.files.get('nodes/n1/clock.json')));
    const rfc3339: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    expect(clock(remote!)).toEqual({ nodeTime: rfc3339, collectorTime: rfc3339 });
    expect(clock(local!)).toEqual({ nodeTime: rfc3339 });
  });
});
