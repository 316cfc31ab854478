import * as z from 'zod'
import { isTopicFilter } from '../../../topics.ts'

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
      .describe(
        'The rule applies to this user; `*`: to every user. Default: to all clients, also anonymous ones.',
      ),
    anonymous: z
      .literal(true)
      .optional()
      .describe('The rule applies only to clients without a user. Replaces `user`.'),
    clientId: z
      .string()
      .min(1)
      .optional()
      .describe(
        'The rule applies to these client ids. `*` stands for any text, `%u` for the user name.',
      ),
    publish: z
      .array(pattern)
      .default([])
      .describe(
        'Topics that the client may publish to, as filters. %c and %u stand for the client id and the user name, each one level.',
      ),
    subscribe: z
      .array(pattern)
      .default([])
      .describe(
        'Topics that the client may subscribe to. Its filter must lie within one of these.',
      ),
    deny: z
      .boolean()
      .default(false)
      .describe('true: the rule refuses what it names instead of allowing it.'),
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
