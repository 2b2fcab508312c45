// What the user asked of `waylaid collect`, as commander hands it over: flags that were not given are absent, and the
// `--no-…` ones are true.

export interface CollectCommandOptions {
  /** `-` is a tar stream on standard output. */
  readonly output?: string;
  readonly node?: readonly string[];
  readonly host?: readonly string[];
  readonly sshOption?: readonly string[];
  /** Absent: this machine, unless others are named. */
  readonly local?: boolean;
  readonly cluster: boolean;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly lab?: string | true;
  readonly timeout: number;
  readonly concurrency: number;
  readonly maxPods?: number;
  readonly redact: boolean;
  readonly force?: boolean;
  readonly script?: boolean;
}
