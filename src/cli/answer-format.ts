// The forms an answer can be printed in, as kubectl's `-o` has them.

export const answerFormats = ['text', 'wide', 'json', 'yaml', 'name'] as const;

export type AnswerFormat = (typeof answerFormats)[number];
