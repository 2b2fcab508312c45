// Which names promise a secret: of environment variables, flags, JSON members, configuration keys.
// In: a name in any spelling. Out: whether its value must not leave the machine. The name's end decides:
// `API_TOKEN` holds one, `tokenSecretName`, `token-file` and `tokenTTL` only speak of it.

const oneWord = new Set([
  'password',
  'passwd',
  'passphrase',
  'pass',
  'pwd',
  'secret',
  'token',
  'credential',
  'psk',
  'apikey',
  'authkey',
  'privatekey',
  'secretkey',
  'accesskey',
  'joinkey',
  'presharedkey',
  'authorization',
  'cookie',
  'jwt',
  'bearer',
  'htpasswd',
]);

/** `key` alone names anything (a label's key, a public key); one of these before it makes it a secret. */
const keyWords = new Set([
  'access',
  'account',
  'api',
  'app',
  'auth',
  'aws',
  'client',
  'consumer',
  'encryption',
  'fastopen',
  'hmac',
  'join',
  'master',
  'preshared',
  'private',
  'secret',
  'shared',
  'signing',
  'ssh',
  'storage',
  'tls',
  'wg',
]);

/** People write these without a separator (`PGPASSWORD`, `authtoken`). */
const endings = ['password', 'passwd', 'passphrase', 'secret', 'token', 'apikey', 'authkey', 'privatekey'];

/** Members that name a Secret object instead of holding one: traefik.io middlewares and servers transports, Helm charts. */
const references = new Set([
  'casecret',
  'certsecret',
  'tlssecret',
  'existingsecret',
  'imagepullsecret',
  'pullsecret',
  'rootcassecrets',
  'certificatessecrets',
]);

/** A part of every such name; most names hold none, and this is asked for every member of every object. */
const anyPart = /pass|pwd|secret|token|key|credential|psk|authorization|cookie|jwt|bearer/i;

export function isSensitiveName(name: string): boolean {
  return anyPart.test(name) && judgeName(name);
}

function judgeName(name: string): boolean {
  if (name.length > 200) return false;
  const words = splitWords(name);
  const last = words.at(-1);
  if (last === undefined || references.has(words.join(''))) return false;
  const singular = last.endsWith('s') && last !== 'pass' ? last.slice(0, -1) : last;
  if (oneWord.has(singular) || endings.some((ending) => singular.endsWith(ending))) return true;
  const before = words.at(-2) ?? '';
  if (singular === 'key') return keyWords.has(before);
  // kubeconfig's client-key-data holds a key; client-certificate-data and certificate-authority-data hold none.
  return last === 'data' && before === 'key';
}

/** `clientSecret`, `CLIENT_SECRET`, `client-secret` and `client.secret` are the words client, secret. */
function splitWords(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}
