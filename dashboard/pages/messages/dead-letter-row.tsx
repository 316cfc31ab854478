/** One dead letter: a line, and on request everything about it. */
import type { Signal } from '@preact/signals'
import { useSignal } from '@preact/signals'
import { exactCount } from '../../../src/format/count.ts'
import type { DeadLetter } from '../../../src/http/api/shapes/messages.ts'
import { PayloadPanel } from '../../parts/payload-panel.tsx'
import { DateTime } from '../../parts/times.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'
import { linkTo } from '../../route.ts'

export interface DeadLetterRowProps {
  readonly letter: DeadLetter
  readonly chosen: Signal<ReadonlySet<number>>
}

export function DeadLetterRow({ letter, chosen }: DeadLetterRowProps) {
  const isOpen = useSignal(false)
  const { offset, keptAt, channel, destination = 'refused on arrival', error } = letter
  const toggle = (): void => {
    const next = new Set(chosen.value)
    if (!next.delete(offset)) next.add(offset)
    chosen.value = next
  }
  return (
    <li class="letter">
      <label class="letter-check">
        <input
          type="checkbox"
          aria-label={`Select dead letter ${offset} of ${channel}`}
          checked={chosen.value.has(offset)}
          onChange={toggle}
        />
      </label>
      <details onToggle={({ currentTarget }) => (isOpen.value = currentTarget.open)}>
        <summary>
          <DateTime at={keptAt} />
          <span class="letter-channel">
            <VisibleText text={channel} maxCharacters={128} />
          </span>
          <span class="quiet">
            <VisibleText text={destination} maxCharacters={128} />
          </span>
          <span class="letter-reason">
            <strong>
              <VisibleText text={error} maxCharacters={128} />
            </strong>{' '}
            <VisibleText text={letter.error_message} maxCharacters={300} />
          </span>
        </summary>
        {isOpen.value && <Body letter={letter} />}
      </details>
    </li>
  )
}

function Body({ letter }: { letter: DeadLetter }) {
  const { offset, receivedAt, topic, id, messageId } = letter
  const known = id ?? messageId
  return (
    <div class="message-body">
      <p>
        <VisibleText text={letter.error_message} maxCharacters={4_000} />
      </p>
      <PayloadPanel payload={letter}>
        {known !== undefined && (
          <a class="button is-small" href={linkTo('messages', known)}>
            Why?
          </a>
        )}
      </PayloadPanel>
      <p class="quiet">
        <VisibleText text={topic} maxCharacters={256} /> · received <DateTime at={receivedAt} /> ·
        dead letter {exactCount(offset)}
        {known !== undefined && (
          <>
            {' '}
            · id <VisibleText text={known} maxCharacters={128} />
          </>
        )}
      </p>
    </div>
  )
}
