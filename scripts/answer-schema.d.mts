// Types of answer-schema.mjs, for the test that holds the committed schema fresh.

export declare function formatAnswerSchema(): Promise<string>;
