/** The foot of the rail: the state of the link, the zone of times, the colours, the session. */

import { zoneText } from '../../src/format/time.ts'
import { logOut, session } from '../api/session.ts'
import { now } from '../live/clock.ts'
import { link, reconnect } from '../live/events.ts'
import { type Theme, theme, zone } from '../live/preferences.ts'
import { isHelpOpen } from './keyboard.ts'

const LINK_TEXTS = {
  connecting: 'connecting',
  live: 'live',
  lost: 'no answer',
  paused: 'paused',
} as const

export function LinkState() {
  const { state } = link.value
  return <p class={`link-state is-${state}`}>{LINK_TEXTS[state]}</p>
}

const NEXT_THEME: Readonly<Record<Theme, Theme>> = {
  system: 'light',
  light: 'dark',
  dark: 'system',
}

export function Switches() {
  return (
    <div class="switches">
      <button
        type="button"
        class="button is-small"
        title="Times in the zone of this browser, or in UTC"
        onClick={() => (zone.value = zone.value === 'utc' ? 'local' : 'utc')}
      >
        {zoneText(now.value, zone.value)}
      </button>
      <button
        type="button"
        class="button is-small"
        title="Colours: of the system, light, dark"
        onClick={() => (theme.value = NEXT_THEME[theme.value])}
      >
        {theme.value}
        <span class="visually-hidden"> colours</span>
      </button>
      <button
        type="button"
        class="button is-small"
        title="Help and keys"
        onClick={() => (isHelpOpen.value = true)}
      >
        ?<span class="visually-hidden"> Help</span>
      </button>
      {session.value?.by === 'session' && (
        <button type="button" class="button is-small" onClick={() => void logOut().then(reconnect)}>
          Log out
        </button>
      )}
    </div>
  )
}
