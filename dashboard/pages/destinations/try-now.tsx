/** Makes the next attempt at once, for people who have just repaired something. */
import { useSignal } from '@preact/signals'
import type { Retried } from '../../../src/http/api/shapes/destinations.ts'
import { postJson } from '../../api/client.ts'
import { mayOperate, session } from '../../api/session.ts'

export function TryNow({ name }: { name: string }) {
  const isSending = useSignal(false)
  const outcome = useSignal('')
  const send = async (): Promise<void> => {
    isSending.value = true
    try {
      await postJson<Retried>(`destinations/${encodeURIComponent(name)}/retry`, {})
      outcome.value = 'Trying now.'
    } catch (thrown) {
      outcome.value = thrown instanceof Error ? thrown.message : String(thrown)
    }
    isSending.value = false
  }
  return (
    <span class="is-last try-now">
      <span class="quiet" role="status">
        {mayOperate.value ? outcome.value : (session.value?.advice ?? '')}
      </span>
      <button
        type="button"
        class="button"
        disabled={isSending.value || !mayOperate.value}
        onClick={() => void send()}
      >
        Try now
      </button>
    </span>
  )
}
