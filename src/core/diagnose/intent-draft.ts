// An intent before it has its number.
import type { Intent } from './diagnosis.ts';

export type IntentDraft = Omit<Intent, 'id'>;
