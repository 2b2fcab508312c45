// Finds what makes a pure file impure. In: a file of src/core. Out: one sentence for each use of the clock, of chance,
// of the platform or of the machine's language settings. The compiler refuses most of these already, because
// tsconfig.core.json knows neither Node nor the DOM; Date, Math.random and the locale are part of the language itself.
import ts from 'typescript';
import type { SourceFile } from './import-rules.ts';

const platform = new Set([
  ...['process', 'console', 'globalThis', 'performance', 'fetch', 'crypto', 'require', 'Intl', 'WeakRef'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'Atomics', 'eval', 'Function'],
]);
const byLocale = new Set(['localeCompare', 'toLocaleString', 'toLocaleLowerCase', 'toLocaleUpperCase']);
const zoned = /^(get|set)(Date|Day|FullYear|Hours|Milliseconds|Minutes|Month|Seconds)$|^getTimezoneOffset$/;

export function findImpurities(file: SourceFile): readonly string[] {
  const parsed = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true);
  const declared = listDeclaredNames(parsed);
  const problems: string[] = [];
  const visit = (node: ts.Node): void => {
    const found = judgeNode(node, declared);
    if (found !== undefined) {
      const { line } = parsed.getLineAndCharacterOfPosition(node.getStart());
      problems.push(`${file.path}:${line + 1}: ${found}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(parsed);
  return problems;
}

function judgeNode(node: ts.Node, declared: ReadonlySet<string>): string | undefined {
  if (ts.isPropertyAccessExpression(node)) return judgeProperty(node);
  if (ts.isNewExpression(node) && isNamed(node.expression, 'Date') && (node.arguments?.length ?? 0) === 0)
    return 'new Date() reads the clock';
  if (ts.isCallExpression(node) && isNamed(node.expression, 'Date')) return 'Date() reads the clock';
  if (ts.isVariableStatement(node) && ts.isSourceFile(node.parent)) {
    const isConstant = (node.declarationList.flags & ts.NodeFlags.Const) !== 0;
    return isConstant ? undefined : 'a variable of the module outlives the call';
  }
  if (ts.isIdentifier(node) && platform.has(node.text) && !declared.has(node.text) && isUse(node))
    return `${node.text} belongs to the platform`;
  return undefined;
}

function judgeProperty(node: ts.PropertyAccessExpression): string | undefined {
  const name = node.name.text;
  if (isNamed(node.expression, 'Date') && name === 'now') return 'Date.now reads the clock';
  if (isNamed(node.expression, 'Math') && name === 'random') return 'Math.random is chance';
  if (byLocale.has(name)) return `${name} depends on the machine's language`;
  if (zoned.test(name)) return `${name} depends on the machine's time zone`;
  return undefined;
}

function isNamed(node: ts.Node, name: string): boolean {
  return ts.isIdentifier(node) && node.text === name;
}

/** An identifier that stands for a value: not a property's or a type's name. */
function isUse(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  return !ts.isTypeNode(parent) && !ts.isTypeElement(parent) && !ts.isQualifiedName(parent);
}

/** Names that the file itself gives to something: a parameter called `process` is not Node's. */
function listDeclaredNames(parsed: ts.SourceFile): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    const isDeclaration =
      ts.isVariableDeclaration(node) ||
      ts.isParameter(node) ||
      ts.isBindingElement(node) ||
      ts.isFunctionDeclaration(node) ||
      ts.isImportSpecifier(node);
    if (isDeclaration && node.name && ts.isIdentifier(node.name)) names.add(node.name.text);
    ts.forEachChild(node, visit);
  };
  visit(parsed);
  return names;
}
