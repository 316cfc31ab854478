import * as z from 'zod'

export const recordFormat = z
  .enum(['row', 'payload'])
  .default('row')
  .describe(
    'What a record is: row, a line of JSON with the payload, its topic, arrival time and identity; or payload, the payload as it is. Only rows let readers recognise duplicates.',
  )
