/** Messages as they come, or from a point in time on. */
import { useSignal } from '@preact/signals'
import { dateTimeText } from '../../../src/format/time.ts'
import { now } from '../../live/clock.ts'
import { zone } from '../../live/preferences.ts'
import { Icon } from '../../parts/icon.tsx'
import { route, setQuery } from '../../shell/current-route.ts'
import { FoundMessages } from './found-messages.tsx'
import { PastMessages } from './past-messages.tsx'
import { Tail } from './tail.tsx'

/** As the connector takes it. */
const MAX_TEXT = 256

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
            placeholder="in topic, id and payload"
            maxLength={MAX_TEXT}
            value={grep}
            onInput={({ currentTarget }) => setQuery({ grep: currentTarget.value })}
          />
        </label>
        <StartTime from={from} />
      </div>
      {isLive && grep.trim() !== '' && <SearchStored />}
      {isLive && <Tail name={name} path={path} grep={grep} isPaused={isPaused} />}
      {!isLive && grep.trim() === '' && <PastMessages path={path} from={from} />}
      {!isLive && grep.trim() !== '' && (
        <FoundMessages path={path} from={from} text={grep.trim()} />
      )}
    </>
  )
}

const STARTS = [
  ['the last hour', 3_600_000],
  ['the last day', 86_400_000],
] as const

/** The tail looks at what is on the screen. This leads to everything that is stored. */
function SearchStored() {
  const since = (ms: number): void => setQuery({ from: new Date(now.peek() - ms).toISOString() })
  return (
    <div class="controls">
      <span class="quiet">Only the messages shown here are looked at. Search what is stored:</span>
      {STARTS.map(([name, ms]) => (
        <button key={name} type="button" class="button is-small" onClick={() => since(ms)}>
          {name}
        </button>
      ))}
      <button type="button" class="button is-small" onClick={() => setQuery({ from: 'earliest' })}>
        everything
      </button>
    </div>
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
