/** The errors for names that do not exist. */
import { quoted } from '../../shown-text.ts'
import { RequestError } from '../requests/request-error.ts'
import { API } from './operations.ts'

/** @throws {RequestError} 404 for undefined: there is no such channel. */
export function found<Answer>(name: string, answer: Answer | undefined): Answer {
  if (answer !== undefined) return answer
  throw channelNotFound(name)
}

export function channelNotFound(name: string): RequestError {
  const message = `There is no channel ${quoted(name)}. GET ${API}/channels lists them.`
  return new RequestError(404, 'ChannelNotFound', message)
}

export function destinationNotFound(name: string): RequestError {
  const message = `There is no destination ${quoted(name)}. GET ${API}/destinations lists them.`
  return new RequestError(404, 'DestinationNotFound', message)
}
