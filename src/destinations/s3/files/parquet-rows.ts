/**
 * Messages as a Parquet file, row group by row group, so that a large file needs little memory.
 * Columns are those of every row, and typed columns from JSON payloads. `payload` is text and
 * `payload_bytes` is all else; one of them is NULL.
 */
import type { Message } from '../../../message.ts'
import type { RowOrigin } from '../../rows/message-writer.ts'
import { ParquetFile } from '../parquet/parquet-file.ts'
import type { ColumnsOption } from './column-options.ts'
import type { ByteSink, ObjectEncoder } from './object-encoder.ts'
import { RowGroup } from './row-group.ts'
import { TypedColumns } from './typed-columns.ts'

export interface ParquetRowsOptions {
  readonly connectorId: string
  readonly origin: RowOrigin
  readonly columns: ColumnsOption
  readonly codec: 'gzip' | 'snappy'
  /** Of gzip, 1 to 9. */
  readonly level: number
  readonly sink: ByteSink
}

export class ParquetRows implements ObjectEncoder {
  readonly #options: ParquetRowsOptions
  readonly #typed: TypedColumns
  readonly #file: ParquetFile
  readonly #full: RowGroup[] = []
  #group: RowGroup
  /** A row group that has been written. Its buffers are used again. */
  #spare: RowGroup | undefined
  #rows = 0

  constructor(options: ParquetRowsOptions) {
    const { codec, level, sink, columns } = options
    this.#options = options
    this.#typed = new TypedColumns(columns)
    this.#file = new ParquetFile({ codec, level, append: (bytes) => sink.append(bytes) })
    this.#group = this.#newGroup()
  }

  get rows(): number {
    return this.#rows
  }

  get typeConflicts(): number {
    return this.#typed.conflicts
  }

  get conflictColumns(): readonly string[] {
    return this.#typed.conflictColumns
  }

  add(message: Message): void {
    this.#group.add(message, this.#typed)
    this.#rows++
    if (this.#group.isFull) this.#endGroup()
  }

  async flush(): Promise<void> {
    for (;;) {
      // If writing failed the last time, some bytes still wait.
      await this.#file.flush()
      const group = this.#full[0]
      if (group === undefined) return
      await this.#file.add(group.columns(this.#typed.columns), group.rows)
      this.#full.shift()
      group.clear()
      this.#spare = group
    }
  }

  async finish(): Promise<void> {
    if (this.#group.rows > 0) this.#endGroup()
    await this.flush()
    this.#typed.close()
    const columns = this.#group.columns(this.#typed.columns)
    this.#file.finish(columns.map(({ schema }) => schema))
    await this.#file.flush()
  }

  #endGroup(): void {
    this.#typed.close()
    this.#full.push(this.#group)
    this.#group = this.#spare ?? this.#newGroup()
    this.#spare = undefined
  }

  #newGroup(): RowGroup {
    const { connectorId, origin } = this.#options
    return new RowGroup(connectorId, origin)
  }
}
