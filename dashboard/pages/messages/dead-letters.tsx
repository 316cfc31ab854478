/** Rejected messages: which, why, and sending them again. */
import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { DeadLetter } from '../../../src/http/api/shapes/messages.ts'
import { ApiError } from '../../api/client.ts'
import { mayOperate, session } from '../../api/session.ts'
import { counted } from '../../parts/figures.tsx'
import { Empty, ErrorNotice, Loading } from '../../parts/notices.tsx'
import { DeadLetterChoice, useFilter } from './dead-letter-filter.tsx'
import { DeadLetterRow } from './dead-letter-row.tsx'
import { rangesOf } from './read-dead-letters.ts'
import { ReplayDialog, type ReplayPlan } from './replay-dialog.tsx'
import { useDeadLetters } from './use-dead-letters.ts'

export function DeadLetters() {
  const { filter, isFiltered } = useFilter()
  const list = useDeadLetters(filter)
  const chosen = useSignal<ReadonlySet<number>>(new Set())
  const plan = useSignal<ReplayPlan | undefined>(undefined)
  const { letters, next, error, isSlow } = list
  const picked = letters.filter(({ offset }) => chosen.value.has(offset))
  const open = (): void => {
    const all = { filter, ranges: [{ from: 0 }], letters, isWhole: next === undefined }
    plan.value =
      picked.length === 0
        ? all
        : { filter, ranges: rangesOf(letters, chosen.value), letters: picked, isWhole: true }
  }
  const close = (hasReplayed: boolean): void => {
    plan.value = undefined
    if (!hasReplayed) return
    chosen.value = new Set()
    list.reload()
  }
  const isUnkept = error instanceof ApiError && error.code === 'NotKept'
  return (
    <section class="card dead-letters">
      <header class="page-head">
        <h2>Dead letters</h2>
        <span class="quiet">
          {list.isLoaded &&
            `${counted(letters.length, 'message')}${next === undefined ? '' : ' and more'}`}
        </span>
      </header>
      {!isUnkept && <DeadLetterChoice letters={letters} />}
      {isUnkept && <Empty>{error.message}</Empty>}
      {error !== undefined && !isUnkept && <ErrorNotice error={error} onRetry={list.reload} />}
      {!list.isLoaded && error === undefined && isSlow && <Loading />}
      {list.isLoaded && letters.length === 0 && <Nothing isFiltered={isFiltered} />}
      {letters.length > 0 && (
        <>
          <Actions letters={letters} chosen={chosen} count={picked.length} onReplay={open} />
          <ul class="letters">
            {letters.map((letter) => (
              <DeadLetterRow key={letter.offset} letter={letter} chosen={chosen} />
            ))}
          </ul>
        </>
      )}
      {next !== undefined && (
        <button type="button" class="button" onClick={list.more}>
          Show more
        </button>
      )}
      {plan.value !== undefined && <ReplayDialog plan={plan.value} onClose={close} />}
    </section>
  )
}

function Nothing({ isFiltered }: { isFiltered: boolean }) {
  return (
    <Empty>
      {isFiltered
        ? 'No dead letter is like that. Fewer conditions find more.'
        : 'No message was rejected. One that a destination or routing refuses is kept here, with the reason, until it is sent again.'}
    </Empty>
  )
}

interface ActionsProps {
  readonly letters: readonly DeadLetter[]
  readonly chosen: { value: ReadonlySet<number> }
  readonly count: number
  readonly onReplay: () => void
}

function Actions({ letters, chosen, count, onReplay }: ActionsProps) {
  const box = useRef<HTMLInputElement>(null)
  const isAll = count === letters.length
  if (box.current !== null) box.current.indeterminate = count > 0 && !isAll
  const toggle = (): void => {
    chosen.value = new Set(isAll ? [] : letters.map(({ offset }) => offset))
  }
  return (
    <div class="controls">
      <label class="field check">
        <input ref={box} type="checkbox" checked={isAll} onChange={toggle} />
        {count === 0 ? 'Select all shown' : `${counted(count, 'message')} selected`}
      </label>
      <span class="is-last try-now">
        {!mayOperate.value && <span class="quiet">{session.value?.advice}</span>}
        <button type="button" class="button" disabled={!mayOperate.value} onClick={onReplay}>
          {count === 0 ? 'Replay all …' : `Replay ${count} …`}
        </button>
      </span>
    </div>
  )
}
