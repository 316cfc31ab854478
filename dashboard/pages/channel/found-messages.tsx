/** The stored messages with a text, and how far the search has got. */
import { countText, exactCount } from '../../../src/format/count.ts'
import { Empty, ErrorNotice } from '../../parts/notices.tsx'
import { DateTime } from '../../parts/times.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'
import { MessageLine } from './message-line.tsx'
import { type SearchState, useSearch } from './use-search.ts'

export interface FoundMessagesProps {
  /** The channel's path in the API. */
  readonly path: string
  /** A time, an offset, or `earliest`. */
  readonly from: string
  readonly text: string
}

export function FoundMessages({ path, from, text }: FoundMessagesProps) {
  const { state, stop, goOn } = useSearch(path, from, text)
  const { messages, isRunning, error } = state
  const isComplete = state.next !== undefined && state.next === state.end
  return (
    <>
      <div class="controls">
        <span class="quiet" role="status">
          <Progress state={state} isComplete={isComplete} />
        </span>
        {isRunning && (
          <button type="button" class="button is-small" onClick={stop}>
            Stop
          </button>
        )}
        {!isRunning && (
          <button type="button" class="button is-small" onClick={goOn}>
            {isComplete ? 'Look for newer ones' : 'Go on from there'}
          </button>
        )}
      </div>
      {error !== undefined && <ErrorNotice error={error} />}
      <div class="message-list" tabIndex={0} role="group" aria-label="Messages that were found">
        {messages.map((message) => (
          <MessageLine key={message.offset} message={message} path={path} />
        ))}
        {messages.length === 0 && !isRunning && error === undefined && (
          <Empty>
            No message there has “
            <VisibleText text={text} maxCharacters={100} />” in its topic, its ids or its payload.
          </Empty>
        )}
      </div>
    </>
  )
}

function Progress({ state, isComplete }: { state: SearchState; isComplete: boolean }) {
  const { messages, looked, lookedUntil, from, isRunning } = state
  if (from === undefined) return <>{isRunning ? 'Searching …' : 'Stopped.'}</>
  return (
    <>
      {isRunning ? 'Searching' : 'Searched'} from offset {exactCount(from)}
      {lookedUntil !== undefined && (
        <>
          {' '}
          until <DateTime at={lookedUntil} />
        </>
      )}
      {isComplete ? ', the newest' : ''}: {countText(looked)} messages looked at,{' '}
      {messages.length === 0 ? 'none' : exactCount(messages.length)} shown.
    </>
  )
}
