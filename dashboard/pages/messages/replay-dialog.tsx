/** Sending dead letters again: first what would happen, then the replay, then its outcome. */
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { exactCount } from '../../../src/format/count.ts'
import type { DeadLetter } from '../../../src/http/api/shapes/messages.ts'
import { overview } from '../../live/store.ts'
import { Dialog } from '../../parts/dialog.tsx'
import { counted } from '../../parts/figures.tsx'
import { ErrorNotice, Loading } from '../../parts/notices.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'
import {
  type DeadLetterFilter,
  type OffsetRange,
  type ReplaySum,
  replayDeadLetters,
  waysOf,
} from './read-dead-letters.ts'

export interface ReplayPlan {
  readonly filter: DeadLetterFilter
  readonly ranges: readonly OffsetRange[]
  /** As far as they have been read. */
  readonly letters: readonly DeadLetter[]
  /** Whether `letters` are all of them. */
  readonly isWhole: boolean
}

export interface ReplayDialogProps {
  readonly plan: ReplayPlan
  readonly onClose: (hasReplayed: boolean) => void
}

type Phase = 'counting' | 'asking' | 'sending' | 'done'

const MAX_WAYS = 8
const MAX_REFUSED = 20

export function ReplayDialog({ plan, onClose }: ReplayDialogProps) {
  const phase = useSignal<Phase>('counting')
  const counts = useSignal<ReplaySum | undefined>(undefined)
  const sum = useSignal<ReplaySum | undefined>(undefined)
  const error = useSignal<Error | undefined>(undefined)
  const abort = useRef(new AbortController()).current
  const run = async (work: () => Promise<void>, next: Phase): Promise<void> => {
    error.value = undefined
    try {
      await work()
    } catch (thrown) {
      if (abort.signal.aborted) return
      error.value = thrown instanceof Error ? thrown : new Error(String(thrown))
    }
    phase.value = next
  }
  useEffect(() => {
    const count = async (): Promise<void> => {
      const { filter, ranges } = plan
      const options = { dryRun: true, signal: abort.signal }
      counts.value = await replayDeadLetters(filter, ranges, options)
    }
    void run(count, 'asking')
    return () => abort.abort()
  }, [])
  const send = (): void => {
    phase.value = 'sending'
    const { filter } = plan
    const ranges = plan.ranges.map(({ from, to = counts.value?.to ?? 0 }) => ({ from, to }))
    const onProgress = (so: ReplaySum): void => {
      sum.value = so
    }
    const options = { dryRun: false, signal: abort.signal, onProgress }
    void run(async () => void (await replayDeadLetters(filter, ranges, options)), 'done')
  }
  const close = (): void => onClose(phase.value === 'sending' || phase.value === 'done')
  const { value: shown } = phase
  return (
    <Dialog title="Replay dead letters" onClose={close}>
      {shown === 'counting' && <Loading>Counting …</Loading>}
      {error.value !== undefined && <ErrorNotice error={error.value} />}
      {shown === 'asking' && counts.value !== undefined && (
        <Question plan={plan} matched={counts.value.matched} />
      )}
      {shown === 'sending' && (
        <Loading>
          Sending … {exactCount(sum.value?.replayed ?? 0)} of{' '}
          {exactCount(counts.value?.matched ?? 0)}. Closing this stops after the current ones.
        </Loading>
      )}
      {shown === 'done' && sum.value !== undefined && <Outcome sum={sum.value} />}
      <div class="dialog-actions">
        <button type="button" class="button" onClick={close}>
          {shown === 'done' ? 'Close' : 'Cancel'}
        </button>
        {shown === 'asking' && (counts.value?.matched ?? 0) > 0 && (
          <button type="button" class="button is-main" onClick={send}>
            Replay {exactCount(counts.value?.matched ?? 0)}
          </button>
        )}
      </div>
    </Dialog>
  )
}

function Question({ plan, matched }: { plan: ReplayPlan; matched: number }) {
  if (matched === 0) return <p>None of them is there any more: somebody else has replayed them.</p>
  const ways = waysOf(plan.letters)
  const rest = ways.slice(MAX_WAYS).reduce((all, [, count]) => all + count, 0)
  const destinations = overview.value?.destinations ?? []
  return (
    <>
      <p>
        {counted(matched, 'message')} would be sent again
        {plan.isWhole ? ':' : `. Of the first ${exactCount(plan.letters.length)}:`}
      </p>
      <ul class="ways">
        {ways.slice(0, MAX_WAYS).map(([way, count]) => (
          <li key={way}>
            {exactCount(count)} <VisibleText text={way} maxCharacters={200} />
          </li>
        ))}
        {rest > 0 && <li>{exactCount(rest)} to other channels</li>}
      </ul>
      {destinations.length > 0 && (
        <p>
          They are new messages, sent to {destinations.length === 1 ? '' : 'all destinations: '}
          <VisibleText text={destinations.map(({ name }) => name).join(', ')} />.
          {destinations.length > 1 &&
            ' A destination that accepted one of them before gets it a second time.'}
        </p>
      )}
    </>
  )
}

function Outcome({ sum: { replayed, refused } }: { sum: ReplaySum }) {
  return (
    <div role="status">
      <p>
        {counted(replayed, 'message')} sent again, on disk, and no longer dead{' '}
        {replayed === 1 ? 'letter' : 'letters'}.
      </p>
      {refused.length > 0 && (
        <>
          <p class="is-loss">{counted(refused.length, 'message')} refused again, and still here:</p>
          <ul class="ways">
            {refused.slice(0, MAX_REFUSED).map(({ offset, error, error_message: message }) => (
              <li key={offset}>
                {exactCount(offset)}: {error}: <VisibleText text={message} maxCharacters={300} />
              </li>
            ))}
            {refused.length > MAX_REFUSED && (
              <li>and {exactCount(refused.length - MAX_REFUSED)} more</li>
            )}
          </ul>
        </>
      )}
    </div>
  )
}
