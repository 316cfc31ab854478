/** What a datastore's definition says of its columns, in the terms of DuckDB. */
import type { DatastoreDefinition } from '../../resources/datastore-definition.ts'
import { duckdbTypeOf } from './glue-type.ts'
import { strptimeFormatOf } from './time-format.ts'

export interface DeclaredColumn {
  readonly name: string
  readonly type: string
}

/**
 * Undefined if the messages decide.
 * @throws {RangeError} for a type that can't be used
 */
export function declaredSchemaOf({
  fileFormatConfiguration: { parquetConfiguration },
}: DatastoreDefinition): readonly DeclaredColumn[] | undefined {
  const columns = parquetConfiguration?.schemaDefinition?.columns
  if (columns === undefined) return undefined
  return columns.map(({ name, type }) => {
    return { name, type: within(`the column ${name}`, () => duckdbTypeOf(type)) }
  })
}

/** A column that is computed from an attribute. */
export interface Partition {
  readonly attribute: string
  /** Of a time, for `strptime`; undefined: seconds since 1970. */
  readonly format: string | undefined
  readonly isTime: boolean
}

/** @throws {RangeError} for a format of times that can't be used */
export function partitionsOf({ datastorePartitions }: DatastoreDefinition): readonly Partition[] {
  return (datastorePartitions?.partitions ?? []).flatMap(
    ({ attributePartition, timestampPartition }) => {
      if (attributePartition !== undefined) {
        const { attributeName: attribute } = attributePartition
        return { attribute, format: undefined, isTime: false }
      }
      if (timestampPartition === undefined) return []
      const { attributeName: attribute, timestampFormat } = timestampPartition
      const place = `the timestamp partition ${attribute}`
      const format =
        timestampFormat === undefined
          ? undefined
          : within(place, () => strptimeFormatOf(timestampFormat))
      return { attribute, format, isTime: true }
    },
  )
}

function within<Result>(place: string, read: () => Result): Result {
  try {
    return read()
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown
    throw new RangeError(`${place}: ${thrown.message}`, { cause: thrown })
  }
}
