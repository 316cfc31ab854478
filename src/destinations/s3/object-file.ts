/** The content of an object. It does not change while it is sent. */
export interface ObjectFile {
  readonly length: number
  /** In hexadecimal. */
  sha256(): string
  sha256Of(start: number, end: number): Promise<string>
  /** A piece is valid until the next one is asked for. */
  read(start: number, end: number): AsyncIterable<Buffer>
}
