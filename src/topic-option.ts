/** A topic filter as a setting: MQTT 3.1.1, section 4.7. */
import * as z from 'zod'
import { faultOfTopicFilter } from './topics.ts'

export const topicFilter = z
  .string()
  .check((context) => {
    const fault = faultOfTopicFilter(context.value)
    if (fault === undefined) return
    context.issues.push({
      code: 'custom',
      message: fault,
      input: context.value,
      params: { showsValue: true },
    })
  })
  .meta({
    description: 'A topic filter: + stands for one level, # for the rest.',
    examples: ['factory/#'],
  })
