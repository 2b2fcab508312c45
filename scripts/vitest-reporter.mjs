// Vitest's results as plain data for scripts/test.mjs, which adds the gates to them and prints the one summary line.
// In: WAYLAID_TEST_RESULTS, the file to write. A file that cannot be loaded and an error outside of any test count
// as failed tests: neither shows up among vitest's test cases, and both mean that something was not tested.
import { writeFileSync } from 'node:fs';

export default class ResultsReporter {
  onTestRunEnd(testModules, unhandledErrors) {
    const results = { passed: 0, failed: [], skipped: [], ended: true };
    for (const testModule of testModules) countModule(testModule, results);
    for (const error of unhandledErrors) results.failed.push(`outside of any test: ${error.message}`);
    const file = process.env.WAYLAID_TEST_RESULTS;
    if (file) writeFileSync(file, JSON.stringify(results));
  }
}

function countModule(testModule, results) {
  const suites = [testModule, ...testModule.children.allSuites()];
  for (const suite of suites) {
    if (suite.errors().length > 0)
      results.failed.push(nameOf(testModule, suite, 'could not be loaded or set up'));
  }
  for (const test of testModule.children.allTests()) {
    const result = test.result();
    if (result.state === 'passed') results.passed++;
    else if (result.state === 'skipped') countSkip(nameOf(testModule, test), result.note, results);
    else results.failed.push(nameOf(testModule, test));
  }
}

/** The reason is the note of `context.skip(note)`, or stands in the name: "… (needs root)". Without one, it fails. */
function countSkip(name, note, results) {
  const reason = note ?? /\((needs [^()]+)\)/.exec(name)?.[1];
  if (reason === undefined) results.failed.push(`${name}: skipped without a reason`);
  else results.skipped.push({ name, reason });
}

function nameOf(testModule, entity, what = '') {
  const name = entity === testModule ? '' : ` > ${entity.fullName}`;
  return `${testModule.relativeModuleId}${name}${what === '' ? '' : `: ${what}`}`;
}
