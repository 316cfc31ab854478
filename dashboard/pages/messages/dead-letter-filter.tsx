/** Which dead letters are shown; the choice is in the address. */
import { useMemo, useRef } from 'preact/hooks'
import type { DeadLetter } from '../../../src/http/api/shapes/messages.ts'
import { now } from '../../live/clock.ts'
import { route, setQuery } from '../../shell/current-route.ts'
import type { DeadLetterFilter } from './read-dead-letters.ts'

const HOUR_MS = 3_600_000
const SPANS: Readonly<Record<string, readonly [label: string, ms: number]>> = {
  '1h': ['last hour', HOUR_MS],
  '24h': ['last 24 h', 24 * HOUR_MS],
  '7d': ['last 7 days', 7 * 24 * HOUR_MS],
}

export function useFilter(): { readonly filter: DeadLetterFilter; readonly isFiltered: boolean } {
  const { channel = '', destination = '', error = '', since = '' } = route.value.query
  // The beginning stays where it was when the span was chosen, so that pages fit each other.
  const filter = useMemo(() => {
    const span = Object.hasOwn(SPANS, since) ? SPANS[since] : undefined
    return {
      ...(channel === '' ? {} : { channel }),
      ...(destination === '' ? {} : { destination }),
      ...(error === '' ? {} : { error }),
      ...(span === undefined ? {} : { since: new Date(now.peek() - span[1]).toISOString() }),
    }
  }, [channel, destination, error, since])
  return { filter, isFiltered: Object.keys(filter).length > 0 }
}

/** Offers the values that have been seen since the page was opened. */
export function DeadLetterChoice({ letters }: { letters: readonly DeadLetter[] }) {
  const { channel = '', destination = '', error = '', since = '' } = route.value.query
  const seen = useRef({
    channels: new Set<string>(),
    destinations: new Set<string>(),
    errors: new Set<string>(),
  }).current
  for (const letter of letters) {
    seen.channels.add(letter.channel)
    seen.errors.add(letter.error)
    if (letter.destination !== undefined) seen.destinations.add(letter.destination)
  }
  return (
    <div class="controls filters">
      <Choice label="Channel" name="channel" value={channel} seen={seen.channels} />
      <Choice label="Destination" name="destination" value={destination} seen={seen.destinations} />
      <Choice label="Reason" name="error" value={error} seen={seen.errors} />
      <label class="field">
        Kept in the
        <select
          value={since}
          onChange={({ currentTarget }) => setQuery({ since: currentTarget.value })}
        >
          <option value="">whole time</option>
          {Object.entries(SPANS).map(([span, [label]]) => (
            <option key={span} value={span}>
              {label}
            </option>
          ))}
        </select>
      </label>
    </div>
  )
}

interface ChoiceProps {
  readonly label: string
  readonly name: string
  readonly value: string
  readonly seen: ReadonlySet<string>
}

function Choice({ label, name, value, seen }: ChoiceProps) {
  const values = [...new Set([...seen, value])].filter((one) => one !== '').sort()
  return (
    <label class="field">
      {label}
      <select
        value={value}
        onChange={({ currentTarget }) => setQuery({ [name]: currentTarget.value })}
      >
        <option value="">any</option>
        {values.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    </label>
  )
}
