// Writes docs/answer.schema.json from the source of the answer's shape. A test holds that the committed file is fresh.
import { build } from 'esbuild';
import { format } from 'prettier';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The schema as it stands in the file, laid out as prettier wants it. */
export async function formatAnswerSchema() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/core/report/answer-schema.ts'],
    bundle: true,
    format: 'esm',
    platform: 'node',
    write: false,
    logLevel: 'warning',
  });
  const code = Buffer.from(outputFiles[0].contents).toString('base64');
  const { buildAnswerSchema } = await import(`data:text/javascript;base64,${code}`);
  return format(JSON.stringify(buildAnswerSchema()), { parser: 'json', printWidth: 110 });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(`${root}docs/answer.schema.json`, await formatAnswerSchema());
}
