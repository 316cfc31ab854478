/** What a viewer may ask a stream of events for. */
import * as z from 'zod'
import { isChannelName } from '../../channel-name.ts'
import { quoted } from '../../shown-text.ts'

export const TOPICS = [
  'overview',
  'channels',
  'destinations',
  'ledger',
  'clients',
  'problems',
] as const
export type Topic = (typeof TOPICS)[number]

const MAX_TAILS = 4
const MAX_TEXT = 2_000
const TAIL = 'tail:'

export interface WantedTopics {
  readonly topics: ReadonlySet<Topic>
  /** Channels whose new messages are wanted. */
  readonly tails: ReadonlySet<string>
}

const EXPECTED = `must be a list such as overview,tail:my_channel, of ${TOPICS.join(', ')} and at most ${MAX_TAILS} tail:<channel>`

export const eventsQuery = z.strictObject({
  topics: z.string(EXPECTED).max(MAX_TEXT, EXPECTED).transform(wantedTopics),
})

function wantedTopics(text: string, context: z.RefinementCtx): WantedTopics {
  const topics = new Set<Topic>()
  const tails = new Set<string>()
  const refuse = (why: string): never => {
    context.addIssue({ code: 'custom', message: `${EXPECTED}; ${why}` })
    return z.NEVER
  }
  for (const name of text.split(',')) {
    const topic = TOPICS.find((one) => one === name)
    const channel = name.startsWith(TAIL) ? name.slice(TAIL.length) : ''
    if (topic !== undefined) topics.add(topic)
    else if (isChannelName(channel)) tails.add(channel)
    else return refuse(`${quoted(name)} is none of them`)
  }
  return tails.size > MAX_TAILS ? refuse(`it has ${tails.size} tails`) : { topics, tails }
}
