// Lets the compiler accept shell scripts as text: esbuild (scripts/build.mjs) and vitest load them so.
declare module '*.sh' {
  const text: string;
  export default text;
}
