/** Tags of resources. Keys that begin with `aws:` are reserved. */
import type * as z from 'zod'
import { listOf, members, text } from './values.ts'

/** Of one resource. */
export const MAX_TAGS = 50

const key = text({
  max: 256,
  pattern: /^(?!aws:)/i,
  like: 'that do not begin with aws:',
})

export const tag = members({ key, value: text({ max: 256 }) })
export const tagList = listOf(tag, 1, MAX_TAGS).refine(
  (tags) => new Set(tags.map((one) => one.key)).size === tags.length,
  'expected each key once',
)
export const tagKeyList = listOf(text({ max: 256 }), 1, MAX_TAGS)

export type Tag = z.infer<typeof tag>
