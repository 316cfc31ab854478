/** Columns of Parquet objects that are made from the members of JSON payloads. */
import * as z from 'zod'

/** A file may have up to this many of them. */
export const MAX_TYPED_COLUMNS = 200
export const COLUMN_TYPES = ['double', 'int64', 'boolean', 'string'] as const
export type ColumnType = (typeof COLUMN_TYPES)[number]

/** The columns that every object has. */
export const ROW_COLUMNS = [
  'connector',
  'channel',
  'log_id',
  'offset',
  'arrival_time',
  'topic',
  'message_id',
  'content_type',
  'payload',
  'payload_bytes',
] as const

const COLUMN_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

/** Query engines compare names without case, so no two may differ only in it. */
export function comparable(name: string): string {
  return name.toLowerCase()
}

const TAKEN: ReadonlySet<string> = new Set(ROW_COLUMNS)

/** Whether a member's name can be the name of a column. Devices choose the names of members. */
export function isColumnName(name: string): boolean {
  return COLUMN_NAME.test(name) && !TAKEN.has(comparable(name))
}

const columnName = z.string().refine(isColumnName, {
  error: `expected 1 to 128 of A-Z a-z 0-9 _, not beginning with a digit, and none of ${ROW_COLUMNS.join(', ')}`,
})

const column = z.union([
  columnName.transform((name) => ({ name, type: undefined })),
  z.strictObject({
    name: columnName.describe('Name of the member, and of the column.'),
    type: z
      .enum(COLUMN_TYPES)
      .optional()
      .describe('Type of its values. Default: the type of the first value in an object.'),
  }),
])

export const columnsOption = z
  .union([
    z.literal('auto'),
    z
      .array(column)
      .min(1)
      .max(MAX_TYPED_COLUMNS)
      .refine(
        (columns) => new Set(columns.map(({ name }) => comparable(name))).size === columns.length,
        { error: 'the same column twice; case makes no difference' },
      ),
  ])
  .optional()
  .describe(
    'Typed columns from the top level of JSON payloads, for Parquet: a list of names, or `auto`. A value of another type becomes NULL; the payload is kept in any case. Default: none.',
  )

export type ColumnsOption = z.infer<typeof columnsOption>
