/** Shown instead of everything if the connector does not answer without a token. */
import { useSignal } from '@preact/signals'
import { logIn, loginError, session } from '../api/session.ts'
import { Icon } from '../parts/icon.tsx'
import { VisibleText } from '../parts/visible-text.tsx'

export function LoginPage() {
  const token = useSignal('')
  const isSending = useSignal(false)
  const send = async (): Promise<void> => {
    isSending.value = true
    await logIn({ token: token.value.trim() })
    isSending.value = false
  }
  return (
    <main class="login">
      <h1>iot-analytics-connector</h1>
      {session.value?.by === 'session' && (
        <p role="status">
          The session has ended: the connector was restarted, the token was revoked, or nobody used
          the session for 12 hours. Log in to go on where you were.
        </p>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void send()
        }}
      >
        {/* Password managers keep the token under a name. */}
        <input type="text" name="username" autocomplete="username" value="token" hidden readOnly />
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="current-password"
          required
          value={token.value}
          onInput={({ currentTarget }) => (token.value = currentTarget.value)}
        />
        <button type="submit" class="button is-main" disabled={isSending.value}>
          Log in
        </button>
        {loginError.value !== undefined && (
          <p class="login-error" role="alert">
            <Icon name="down" /> <VisibleText text={loginError.value} />
          </p>
        )}
      </form>
      <p>
        Without a token: run <code>iot-analytics-connector dashboard</code> on the connector’s
        machine, and open the address that it prints.
      </p>
    </main>
  )
}
