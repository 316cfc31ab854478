/** Where in its life a destination is: every state in one line, the present one marked. */
import type { DestinationDetail } from '../../../src/http/api/shapes/destinations.ts'

const STEPS = ['not opened', 'idle', 'sending', 'waiting to retry'] as const

export function StateLine({ destination }: { destination: DestinationDetail }) {
  const present = stepOf(destination)
  return (
    <ol class="state-line" aria-label="State">
      {STEPS.map((step) => (
        <li key={step} aria-current={step === present ? 'step' : undefined}>
          {step}
        </li>
      ))}
    </ol>
  )
}

function stepOf({ state, out, waiting }: DestinationDetail): (typeof STEPS)[number] {
  if (state === 'unopened') return 'not opened'
  if (state === 'retrying') return 'waiting to retry'
  return out > 0 || waiting > 0 ? 'sending' : 'idle'
}
