/** Messages as they come, or from a point in time on. */
import { useSignal } from '@preact/signals'
import { dateTimeText } from '../../../src/format/time.ts'
import { now } from '../../live/clock.ts'
import { zone } from '../../live/preferences.ts'
import { Icon } from '../../parts/icon.tsx'
import { route, setQuery } from '../../shell/current-route.ts'
import { PastMessages } from './past-messages.tsx'
import { Tail } from './tail.tsx'

export interface LiveTabProps {
  readonly name: string
  readonly path: string
}

export function LiveTab({ name, path }: LiveTabProps) {
  const isPaused = useSignal(false)
  const { grep = '', from = '' } = route.value.query
  const isLive = from === ''
  return (
    <>
      <div class="controls">
        {isLive ? (
          <button type="button" class="button" onClick={() => (isPaused.value = !isPaused.value)}>
            <Icon name={isPaused.value ? 'play' : 'pause'} />
            {isPaused.value ? 'Go on' : 'Pause'}
          </button>
        ) : (
          <button type="button" class="button" onClick={() => setQuery({ from: '' })}>
            <Icon name="play" />
            Live
          </button>
        )}
        <label class="field">
          Find
          <input
            type="search"
            data-search
            placeholder="in topic and payload"
            value={grep}
            onInput={({ currentTarget }) => setQuery({ grep: currentTarget.value })}
          />
        </label>
        <StartTime from={from} />
      </div>
      {isLive ? (
        <Tail name={name} path={path} grep={grep} isPaused={isPaused} />
      ) : (
        <PastMessages path={path} from={from} grep={grep} />
      )}
    </>
  )
}

/** A time in the chosen zone; the address has it in UTC, so a link means the same everywhere. */
function StartTime({ from }: { from: string }) {
  const at = Date.parse(from)
  const shown = Number.isNaN(at) ? '' : dateTimeText(at, zone.value).replace(' ', 'T')
  return (
    <label class="field">
      From
      <input
        type="datetime-local"
        step={1}
        value={shown}
        max={dateTimeText(now.peek(), zone.value).replace(' ', 'T')}
        onChange={({ currentTarget }) => setQuery({ from: isoOf(currentTarget.value) })}
      />
    </label>
  )
}

/** Empty for what is no time. */
function isoOf(local: string): string {
  const at = Date.parse(zone.peek() === 'utc' ? `${local}Z` : local)
  return Number.isNaN(at) ? '' : new Date(at).toISOString()
}
