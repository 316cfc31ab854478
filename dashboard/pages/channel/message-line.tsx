/** One message: a line, and on request everything about it. */
import { useSignal } from '@preact/signals'
import { bytesText } from '../../../src/format/bytes.ts'
import { exactCount } from '../../../src/format/count.ts'
import type { TailMessage } from '../../../src/http/api/shapes/messages.ts'
import { payloadLine } from '../../parts/json-view.tsx'
import { ErrorNotice } from '../../parts/notices.tsx'
import { PayloadPanel } from '../../parts/payload-panel.tsx'
import { ClockTime, DateTime } from '../../parts/times.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'
import { linkTo } from '../../route.ts'
import { messagesFrom } from './read-messages.ts'

const LINE_CHARACTERS = 400

export interface MessageLineProps {
  readonly message: TailMessage
  /** The channel's path in the API. */
  readonly path: string
}

export function MessageLine({ message, path }: MessageLineProps) {
  const isOpen = useSignal(false)
  const { receivedAt, topic } = message
  return (
    <details class="message" onToggle={({ currentTarget }) => (isOpen.value = currentTarget.open)}>
      <summary>
        <ClockTime at={receivedAt} />
        <span class="message-topic">
          <VisibleText text={topic} maxCharacters={128} />
        </span>
        <span class="message-payload mono">
          <VisibleText text={payloadLine(message)} maxCharacters={LINE_CHARACTERS} />
        </span>
      </summary>
      {isOpen.value && <MessageBody message={message} path={path} />}
    </details>
  )
}

function MessageBody({ message, path }: MessageLineProps) {
  const whole = useSignal<TailMessage | undefined>(undefined)
  const failure = useSignal<Error | undefined>(undefined)
  const shown = whole.value ?? message
  const load = async (): Promise<void> => {
    try {
      failure.value = undefined
      const [found] = (await messagesFrom(path, String(message.offset), 1)).messages
      whole.value = found
    } catch (thrown) {
      failure.value = thrown instanceof Error ? thrown : new Error(String(thrown))
    }
  }
  // Senders may give an empty id.
  const id = message.id || message.messageId
  return (
    <div class="message-body">
      <PayloadPanel payload={shown}>
        <a class="button is-small" href={linkTo('messages', id)}>
          Why?
        </a>
      </PayloadPanel>
      {shown.cutFromBytes !== undefined && (
        <p>
          This is the start of {bytesText(shown.cutFromBytes)}.{' '}
          <button type="button" class="button is-small" onClick={() => void load()}>
            Load all of it
          </button>
        </p>
      )}
      {failure.value !== undefined && <ErrorNotice error={failure.value} />}
      <p class="quiet">
        <DateTime at={message.receivedAt} /> · offset {exactCount(message.offset)} · id{' '}
        <VisibleText text={id} maxCharacters={128} />
      </p>
    </div>
  )
}
