/** Mounts the dashboard. The order matters: the code of a login leaves the address before all else. */
import { render } from 'preact'
import { startSession } from './api/session.ts'
import { App } from './app.tsx'
import { startClock } from './live/clock.ts'
import { startEvents } from './live/events.ts'
import { applyTheme } from './live/preferences.ts'
import { followAddress, readAddress } from './shell/current-route.ts'
import { listenForKeys } from './shell/keyboard.ts'

const hasSession = startSession()
readAddress()
followAddress()
applyTheme()
startClock()
listenForKeys()
render(<App />, document.body)
// The stream needs the session's cookie.
void hasSession.then(startEvents)
