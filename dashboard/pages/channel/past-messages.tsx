/** Stored messages from a time on, a page at a time. */
import { useSignal } from '@preact/signals'
import { exactCount } from '../../../src/format/count.ts'
import { useResource } from '../../api/resource.ts'
import { Empty, Loaded } from '../../parts/notices.tsx'
import { MessageLine } from './message-line.tsx'
import { type MessagesPage, messagesFrom } from './read-messages.ts'

const PAGE = 100

export interface PastMessagesProps {
  readonly path: string
  readonly from: string
}

export function PastMessages({ path, from }: PastMessagesProps) {
  /** An offset, after the first page. */
  const start = useSignal(from)
  const base = useSignal(from)
  if (base.value !== from) {
    base.value = from
    start.value = from
  }
  const page = useResource(`${path} ${start.value}`, (signal) =>
    messagesFrom(path, start.value, PAGE, { signal }),
  )
  return (
    <Loaded resource={page}>
      {(value) => <Page page={value} path={path} onStart={(at) => (start.value = at)} />}
    </Loaded>
  )
}

interface PageProps {
  readonly page: MessagesPage
  readonly path: string
  readonly onStart: (from: string) => void
}

function Page({ page: { messages, next }, path, onStart }: PageProps) {
  const first = messages[0]?.offset ?? next
  const last = messages.at(-1)?.offset ?? next
  return (
    <>
      <div class="controls">
        <button
          type="button"
          class="button is-small"
          disabled={first === 0}
          onClick={() => onStart(String(Math.max(0, first - PAGE)))}
        >
          Older
        </button>
        <button
          type="button"
          class="button is-small"
          disabled={messages.length === 0}
          onClick={() => onStart(String(next))}
        >
          Newer
        </button>
        <span class="quiet">
          {messages.length > 0 && `offsets ${exactCount(first)} to ${exactCount(last)}`}
        </span>
      </div>
      <div class="message-list">
        {messages.map((message) => (
          <MessageLine key={message.offset} message={message} path={path} />
        ))}
        {messages.length === 0 && (
          <Empty>No message is stored from then on. Older ones may be there.</Empty>
        )}
      </div>
    </>
  )
}
