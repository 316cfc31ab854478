/** The live messages. Reading further up pauses, as in a terminal; the end of the list goes on. */
import type { Signal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { countText } from '../../../src/format/count.ts'
import { useTopic } from '../../live/events.ts'
import { onTail } from '../../live/store.ts'
import { Empty } from '../../parts/notices.tsx'
import { MessageLine } from './message-line.tsx'
import { EMPTY_TAIL, MAX_SHOWN, matching, type TailView, withTail } from './tail-ring.ts'

/** Nearer to the end than this is at the end. */
const END_PX = 24

export interface TailProps {
  readonly name: string
  readonly path: string
  readonly grep: string
  readonly isPaused: Signal<boolean>
}

export function Tail({ name, path, grep, isPaused }: TailProps) {
  const [view, setView] = useState<TailView>(EMPTY_TAIL)
  useTopic(`tail:${name}`)
  useEffect(
    () =>
      onTail((tail) => {
        if (tail.channel === name && !isPaused.peek()) setView((before) => withTail(before, tail))
      }),
    [name, isPaused],
  )
  const list = useRef<HTMLDivElement>(null)
  const shown = matching(view.messages, grep)
  useLayoutEffect(() => {
    const { current } = list
    if (current !== null && !isPaused.value) current.scrollTop = current.scrollHeight
  }, [shown.length, shown.at(-1)?.offset, isPaused.value, isPaused])
  return (
    <>
      <p class="quiet" role="note">
        <Shown view={view} matches={shown.length} grep={grep} isPaused={isPaused.value} />
      </p>
      {/* A keyboard must be able to scroll it. */}
      <div
        ref={list}
        class="message-list"
        tabIndex={0}
        role="log"
        aria-label="Messages"
        aria-live="off"
        onScroll={({ currentTarget }) => {
          isPaused.value = !isAtEnd(currentTarget)
        }}
      >
        {shown.map((message) => (
          <MessageLine key={message.offset} message={message} path={path} />
        ))}
        {view.messages.length === 0 && (
          <Empty>No message since you came here. The next one appears within a second.</Empty>
        )}
        {view.messages.length > 0 && shown.length === 0 && (
          <Empty>
            None of the last {view.messages.length} messages has “{grep}”.
          </Empty>
        )}
      </div>
    </>
  )
}

function Shown({
  view: { came, shown, messages },
  matches,
  grep,
  isPaused,
}: {
  view: TailView
  matches: number
  grep: string
  isPaused: boolean
}) {
  if (isPaused) return <>Paused. Messages that come meanwhile are stored, and are not shown here.</>
  if (grep.trim() !== '') {
    return (
      <>
        {matches} of the last {messages.length} messages match
        {came > shown && `; of ${countText(came)} in the last second, ${shown} were looked at`}.
      </>
    )
  }
  if (came > shown) {
    return (
      <>
        {shown} of {countText(came)} messages in the last second are shown, an even sample.
      </>
    )
  }
  return <>Every message is shown; the last {MAX_SHOWN} stay here.</>
}

function isAtEnd({ scrollHeight, scrollTop, clientHeight }: HTMLElement): boolean {
  return scrollHeight - scrollTop - clientHeight < END_PX
}
