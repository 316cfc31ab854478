/** Says when what is shown is old, and when the dashboard itself is. */
import { durationText } from '../../src/format/duration.ts'
import { clockText } from '../../src/format/time.ts'
import { loginError } from '../api/session.ts'
import { now, skewMs } from '../live/clock.ts'
import { isOutdated, link, reconnect } from '../live/events.ts'
import { zone } from '../live/preferences.ts'
import { overview } from '../live/store.ts'
import { Icon } from '../parts/icon.tsx'
import { VisibleText } from '../parts/visible-text.tsx'
import { instanceName } from './instance.ts'

export function LinkNotice() {
  return (
    <>
      {link.value.state === 'lost' && <Lost />}
      {isOutdated.value && <Outdated />}
      {loginError.value !== undefined && <LoginFailed />}
      {skewMs.value !== 0 && <ClocksDiffer />}
    </>
  )
}

function Lost() {
  // The time of the last answer, by the connector's clock, as all times here.
  const at = overview.value === undefined ? link.value.since : Date.parse(overview.value.now)
  return (
    <div class="notice is-attention" role="status">
      <Icon name="attention" />
      <p>
        No answer from <VisibleText text={instanceName()} maxCharacters={40} /> since{' '}
        {clockText(at, zone.value)}, trying again. The values below are of that time.
      </p>
      <button type="button" class="button" onClick={reconnect}>
        Try now
      </button>
    </div>
  )
}

function Outdated() {
  return (
    <div class="notice is-info" role="status">
      <Icon name="info" />
      <p>The connector has another version now. Load the dashboard again to have the same.</p>
      <button type="button" class="button" onClick={() => location.reload()}>
        Load again
      </button>
    </div>
  )
}

function LoginFailed() {
  return (
    <div class="notice is-attention" role="alert">
      <Icon name="attention" />
      <p>
        <VisibleText text={loginError.value ?? ''} />
      </p>
      <button type="button" class="button" onClick={() => (loginError.value = undefined)}>
        Close
      </button>
    </div>
  )
}

function ClocksDiffer() {
  const ahead = skewMs.value > 0 ? 'ahead of' : 'behind'
  return (
    <div class="notice is-info" role="note">
      <Icon name="info" />
      <p>
        The connector’s clock is {durationText(Math.abs(skewMs.value) / 1000)} {ahead} this
        machine’s. Times here are the connector’s; it is {clockText(now.value, zone.value)} there.
      </p>
    </div>
  )
}
