// One file of a bundle as the readers see it: its path and its bytes, with a decoder handed in by whoever did the I/O
// (this part of the code knows no platform). Readers take what they need and keep no reference to the bytes.

export interface BundleFile {
  /** Relative to the bundle's root, with forward slashes: `nodes/n1/ip-rule-4.json`. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /** The bytes from `start` to `end` (default: all) as UTF-8 text; damaged sequences become U+FFFD. */
  readonly text: (start?: number, end?: number) => string;
  /** Set when the archive ended before the file did. */
  readonly isTruncated?: boolean;
}
