// Whether a NetworkPolicy's podSelector takes a pod of its namespace: labels and expressions, all of which must hold.
import type { Json, KubeObject, PodFact } from '../snapshot/cluster-facts.ts';

export function selectsPod(policy: KubeObject, pod: PodFact): boolean {
  if (policy.namespace !== pod.namespace) return false;
  const selector = recordOf(recordOf(policy.raw['spec'])['podSelector']);
  const labels = Object.entries(recordOf(selector['matchLabels']));
  const expressions = selector['matchExpressions'];
  return (
    labels.every(([key, value]) => pod.labels.get(key) === value) &&
    (Array.isArray(expressions) ? (expressions as readonly Json[]) : []).every((expression) =>
      holds(recordOf(expression), pod),
    )
  );
}

function holds(expression: JsonRecord, pod: PodFact): boolean {
  const key = expression['key'];
  const own = typeof key === 'string' ? pod.labels.get(key) : undefined;
  const values = expression['values'];
  const isListed = Array.isArray(values) && own !== undefined && (values as readonly Json[]).includes(own);
  switch (expression['operator']) {
    case 'In':
      return isListed;
    case 'NotIn':
      return !isListed;
    case 'Exists':
      return own !== undefined;
    default:
      return expression['operator'] === 'DoesNotExist' && own === undefined;
  }
}

type JsonRecord = { readonly [key: string]: Json | undefined };

function recordOf(value: Json | undefined): JsonRecord {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord ? (value as JsonRecord) : {};
}
