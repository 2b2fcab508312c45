// Unit tests stand beside the source; behaviour, oracles and scenarios under test/.
import { defineConfig } from 'vitest/config';

const shellScriptsAsText = {
  name: 'shell-scripts-as-text',
  transform(code, id) {
    return id.endsWith('.sh') ? { code: `export default ${JSON.stringify(code)};`, map: null } : undefined;
  },
};

export default defineConfig({
  plugins: [shellScriptsAsText],
  test: {
    include: ['src/**/*.test.ts', 'lab/**/*.test.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
