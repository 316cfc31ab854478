/** The first screen. A connector that has never had a message shows how to send the first one. */
import { useRef } from 'preact/hooks'
import { overview } from '../../live/store.ts'
import { Loading } from '../../parts/notices.tsx'
import { FirstRun } from '../first-run/first-run.tsx'
import { Flow } from './flow.tsx'
import { Tiles } from './tiles.tsx'

export function OverviewPage() {
  const shown = overview.value
  // It stays after the first message, which people want to see there.
  const isFirstRun = useRef<boolean>(undefined)
  isFirstRun.current ??= shown === undefined ? undefined : shown.received === 0
  return (
    <>
      <h1 class="visually-hidden">Overview</h1>
      {shown === undefined && <Loading />}
      {shown !== undefined && isFirstRun.current === true && <FirstRun overview={shown} />}
      {shown !== undefined && isFirstRun.current === false && (
        <>
          <Tiles overview={shown} />
          <Flow overview={shown} />
        </>
      )}
    </>
  )
}
