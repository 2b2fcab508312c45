// Unit tests stand beside the source; behaviour, oracles and scenarios under test/. Two groups, one after the other:
// first everything that only computes, two files at once; then what sends real packets through a lab and waits for
// them, one file at a time, so that no other test takes the processor away from under a timeout.
import { defineConfig } from 'vitest/config';

const shellScriptsAsText = {
  name: 'shell-scripts-as-text',
  transform(code, id) {
    return id.endsWith('.sh') ? { code: `export default ${JSON.stringify(code)};`, map: null } : undefined;
  },
};

const inLab = ['test/lab/**/*.test.ts', 'test/peers/**/*.test.ts'];

export default defineConfig({
  plugins: [shellScriptsAsText],
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'computing',
          include: ['{src,lab,test,bench}/**/*.test.ts', 'scripts/*.test.mjs'],
          exclude: inLab,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'in the lab', include: inLab, maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
