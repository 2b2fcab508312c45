// The JSON Schema of the answer, for everybody who reads answers with other programs. Objects stay open: fields may be
// added to `waylaid-answer/1`, and a reader that refused them would break for no reason.
import { z } from 'zod';
import { answerSchema } from './answer.ts';

export function buildAnswerSchema(): Record<string, unknown> {
  return {
    $id: 'urn:waylaid:answer:1',
    title: 'waylaid-answer/1',
    ...z.toJSONSchema(answerSchema, { target: 'draft-2020-12', io: 'input' }),
  };
}
