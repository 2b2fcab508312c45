// Which version this is. The build puts the package's number in; code that was not built says so.

export function readVersion(): string {
  return process.env.WAYLAID_VERSION ?? 'development';
}
