/** The message of a story itself, read when somebody wants to see it. */
import { useSignal } from '@preact/signals'
import { useResource } from '../../api/resource.ts'
import { Empty, Loaded } from '../../parts/notices.tsx'
import { PayloadPanel } from '../../parts/payload-panel.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'
import { messagesFrom } from '../channel/read-messages.ts'

export interface StoredMessageProps {
  readonly channel: string
  readonly offset: number
}

export function StoredMessage(place: StoredMessageProps) {
  const isOpen = useSignal(false)
  return (
    <details onToggle={({ currentTarget }) => (isOpen.value = currentTarget.open)}>
      <summary>The message</summary>
      {isOpen.value && <Body {...place} />}
    </details>
  )
}

function Body({ channel, offset }: StoredMessageProps) {
  const path = `channels/${encodeURIComponent(channel)}`
  const page = useResource(`${path} ${offset}`, (signal) =>
    messagesFrom(path, String(offset), 1, { signal }),
  )
  return (
    <Loaded resource={page}>
      {({ messages: [message] }) =>
        // From an offset that is gone, the answer begins with the oldest message that is there.
        message?.offset === offset ? (
          <div class="message-body">
            <p>
              <VisibleText text={message.topic} maxCharacters={256} />
            </p>
            <PayloadPanel payload={message} />
          </div>
        ) : (
          <Empty>It is no longer stored.</Empty>
        )
      }
    </Loaded>
  )
}
