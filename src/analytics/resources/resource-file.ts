/**
 * A resource as a file of its own:
 *
 *     {"name":"press_1","createdAt":1764432000000,"updatedAt":1764432000000,
 *      "tags":[{"key":"site","value":"north"}],"definition":{…}}
 */
import * as z from 'zod'
import { type Tag, tag } from './tags.ts'
import { resourceName } from './values.ts'

export interface Resource<Definition> {
  readonly name: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly updatedAt: number
  readonly tags: readonly Tag[]
  readonly definition: Definition
}

const ENDING = '.json'
const envelope = z.strictObject({
  name: resourceName,
  createdAt: z.number(),
  updatedAt: z.number(),
  tags: z.array(tag),
  definition: z.unknown(),
})

export function fileNameOf(name: string): string {
  return `${caseSafeName(name)}${ENDING}`
}

/**
 * The name for files. Some file systems do not distinguish A from a, so it has small letters alone, and
 * a mark for the capital ones: `Press_1` is in `press_1-1.json`, and `pRess_1` in `press_1-2.json`.
 */
export function caseSafeName(name: string): string {
  const small = name.toLowerCase()
  let mark = 0n
  for (let at = 0; at < name.length; at++) {
    if (name[at] !== small[at]) mark |= 1n << BigInt(at)
  }
  return mark === 0n ? small : `${small}-${mark.toString(16)}`
}

export function isResourceFile(fileName: string): boolean {
  return fileName.endsWith(ENDING)
}

export function fileTextOf<Definition>(resource: Resource<Definition>): string {
  return `${JSON.stringify(resource)}\n`
}

/** Undefined if the text, or what it defines, is not valid. */
export function parseFile<Schema extends z.ZodType>(
  schema: Schema,
  text: string,
): Resource<z.infer<Schema>> | undefined {
  try {
    const { definition, ...rest } = envelope.parse(JSON.parse(text))
    return { ...rest, definition: schema.parse(definition) }
  } catch {
    return undefined
  }
}
