// Why no answer came from the API server, in one sentence.
// In: what undici or Node threw. Out: a problem, the sentence, and whether asking once more may help.
import type { ItemProblem } from '../../core/snapshot/manifest.ts';

export interface NetworkFailure {
  readonly said: { readonly problem: ItemProblem; readonly detail: string };
  /** The connection broke after it had worked: a restarting server, a balancer that closed an idle connection. */
  readonly isBroken: boolean;
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection is refused',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to its network',
  ENOTFOUND: 'its name cannot be resolved',
  EAI_AGAIN: 'its name cannot be resolved at the moment',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet (is a clock wrong?)',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself and not the one in the kubeconfig',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by a CA that the kubeconfig does not name',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by a CA that the kubeconfig does not name',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by a CA that the kubeconfig does not name',
  CERT_SIGNATURE_FAILURE: 'its certificate is signed by a CA other than the one in the kubeconfig',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for other names',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS',
};

const brokenCodes = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);
const timeoutCodes = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);

export function describeNetworkError(
  error: unknown,
  server: string,
  limit: { readonly timeoutMs: number; readonly hasTimedOut: boolean },
): NetworkFailure {
  const code = codeOf(error);
  if (limit.hasTimedOut || timeoutCodes.has(code)) {
    const detail = `${server} did not answer within ${limit.timeoutMs / 1000} s`;
    return { said: { problem: 'timed-out', detail }, isBroken: false };
  }
  const said = words[code] ?? (brokenCodes.has(code) ? 'it closed the connection' : messageOf(error));
  return {
    said: { problem: 'unreachable', detail: `${server} cannot be reached: ${said}` },
    isBroken: brokenCodes.has(code),
  };
}

/** Of several addresses tried at once each has its own error; the first stands for all. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.cause === undefined ? '' : codeOf(error.cause);
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n')[0] ?? '').slice(0, 200);
}
