import * as z from 'zod'
import { isTopicFilter } from '../packets/topic.ts'

const pattern = z
  .string()
  .refine(isTopicFilter, { message: 'must be a topic filter: # last and alone, + alone' })
  .refine((text) => text.split('/').every((level) => !/%[cu]/.test(level) || level.length === 2), {
    message: '%c and %u must stand alone in a level, as in devices/%c/state',
  })

const rule = z
  .strictObject({
    user: z
      .string()
      .min(1)
      .optional()
      .describe('Only for this user; `*` for every user. Without it: for anonymous clients too.'),
    anonymous: z
      .literal(true)
      .optional()
      .describe('Only for clients without a user. Instead of `user`.'),
    clientId: z
      .string()
      .min(1)
      .optional()
      .describe('Only for these client ids: `*` stands for anything, `%u` for the user name.'),
    publish: z
      .array(pattern)
      .default([])
      .describe('Topics that may be published to; filters, in which %c and %u are one level each.'),
    subscribe: z
      .array(pattern)
      .default([])
      .describe('What may be subscribed to: a filter must lie within one of these.'),
    deny: z
      .boolean()
      .default(false)
      .describe('true: refuses what it names instead of allowing it.'),
  })
  .refine(({ user, anonymous }) => user === undefined || anonymous === undefined, {
    path: ['anonymous'],
    message: 'set user or anonymous, not both',
  })
  .refine(({ publish, subscribe }) => publish.length + subscribe.length > 0, {
    path: ['publish'],
    message: 'a rule needs publish or subscribe',
  })

/** In order: the first rule that applies to the client and names the topic decides. */
export const accessRules = z.array(rule)

export type AccessRule = z.infer<typeof rule>
