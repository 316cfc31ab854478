/** The figures of the first screen, in the order of importance. */

import { bytesText, usageText } from '../../../src/format/bytes.ts'
import { countText } from '../../../src/format/count.ts'
import { roughDurationText } from '../../../src/format/duration.ts'
import { rateText } from '../../../src/format/rate.ts'
import type { Overview } from '../../../src/http/api/shapes/overview.ts'
import { lines } from '../../live/history.ts'
import { Count, Rate } from '../../parts/figures.tsx'
import { Meter } from '../../parts/graphs/meter.tsx'
import { Sparkline } from '../../parts/graphs/sparkline.tsx'
import { Tile } from '../../parts/tile.tsx'
import { Age } from '../../parts/times.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'
import { linkTo } from '../../route.ts'

/** Less of an outage can be borne: somebody should look. */
const SHORT_OUTAGE_S = 4 * 3600

interface Shown {
  readonly overview: Overview
}

export function Tiles({ overview }: Shown) {
  return (
    <div class="tiles">
      <RateTile label="In" line="in" overview={overview} />
      <RateTile label="Stored" line="stored" overview={overview} />
      <RateTile label="Delivered" line="delivered" overview={overview} />
      <WaitingTile overview={overview} />
      <OutageTile overview={overview} />
      <LostTile overview={overview} />
      <DiskTile overview={overview} />
      <MemoryTile overview={overview} />
    </div>
  )
}

function RateTile({
  label,
  line,
  overview: { rates },
}: Shown & { label: string; line: 'in' | 'stored' | 'delivered' }) {
  const values = lines.value?.[line] ?? []
  const most = rateText(Math.max(0, ...values))
  return (
    <Tile label={label} class="tile-rate">
      <Rate value={rates[line]} />
      <Sparkline values={values} label={`${label}, last hour: up to ${most}`} />
    </Tile>
  )
}

function WaitingTile({ overview: { waiting } }: Shown) {
  const { messages, oldestAt, goneInSeconds } = waiting
  const note =
    oldestAt === null ? (
      'the oldest: no figure'
    ) : (
      <>
        oldest <Age of={oldestAt} />
        {goneInSeconds !== null && `, gone in about ${roughDurationText(goneInSeconds)}`}
      </>
    )
  return (
    <Tile label="Waiting" href={linkTo('destinations')} note={messages === 0 ? 'nothing' : note}>
      <Count value={messages} />
    </Tile>
  )
}

function OutageTile({ overview: { outageLeft } }: Shown) {
  if (outageLeft === null) {
    return (
      <Tile label="Outage left" note="nothing comes in, or nothing bounds it">
        –
      </Tile>
    )
  }
  const { seconds, bound, channel } = outageLeft
  return (
    <Tile
      label="Outage left"
      tone={seconds < SHORT_OUTAGE_S ? 'attention' : undefined}
      note={
        <>
          until {bound}, first <VisibleText text={channel} maxCharacters={40} />
        </>
      }
    >
      <span class="figure">{roughDurationText(seconds)}</span>
    </Tile>
  )
}

function LostTile({ overview: { lost, deadLetters } }: Shown) {
  const { hour, total, code } = lost
  return (
    <Tile
      label="Lost in the last hour"
      href={linkTo('ledger')}
      tone={hour > 0 ? 'bad' : undefined}
      note={
        <>
          {total === 0 ? 'none ever' : `${countText(total)} in all`}
          {code !== null && (
            <>
              , mostly <VisibleText text={code} maxCharacters={40} />
            </>
          )}
          {deadLetters !== null && deadLetters > 0 && (
            <>
              {' · '}
              <a href={linkTo('messages')}>{countText(deadLetters)} dead letters</a>
            </>
          )}
        </>
      }
    >
      {hour === 0 ? 'none' : <Count value={hour} />}
    </Tile>
  )
}

function DiskTile({ overview: { disk } }: Shown) {
  const { bytes, maxBytes, freeBytes } = disk
  // Without a bound of its own, the file system is the bound.
  const bound = maxBytes ?? (freeBytes === null ? null : bytes + freeBytes)
  const free = freeBytes === null ? 'in memory only' : `${bytesText(freeBytes)} free on the disk`
  return <UsageTile label="Disk" bytes={bytes} maxBytes={bound} note={free} />
}

function MemoryTile({ overview: { memory } }: Shown) {
  const { bytes, maxBytes, rssBytes } = memory
  const note = `the process: ${bytesText(rssBytes)}`
  return <UsageTile label="Memory" bytes={bytes} maxBytes={maxBytes} note={note} />
}

function UsageTile({
  label,
  bytes,
  maxBytes,
  note,
}: {
  label: string
  bytes: number
  maxBytes: number | null
  note: string
}) {
  return (
    <Tile label={label} note={note} class="tile-usage">
      <span class="figure">
        {maxBytes === null ? bytesText(bytes) : usageText(bytes, maxBytes)}
      </span>
      {maxBytes !== null && <Meter label={label} bytes={bytes} maxBytes={maxBytes} />}
    </Tile>
  )
}
