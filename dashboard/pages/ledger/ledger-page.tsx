/** What became of every message, in exact numbers of one moment. */
import { useSignal } from '@preact/signals'
import type { Ledger } from '../../../src/http/api/shapes/ledger.ts'
import { useTopic } from '../../live/events.ts'
import { ledger } from '../../live/store.ts'
import { counted } from '../../parts/figures.tsx'
import { Empty, Loading } from '../../parts/notices.tsx'
import { DateTime } from '../../parts/times.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'
import { linkTo } from '../../route.ts'
import { AccountTable } from './account-table.tsx'
import { Waterfall } from './waterfall.tsx'

/** Of channels; a search finds the others. */
const MAX_ROWS = 200

export function LedgerPage() {
  useTopic('ledger')
  const shown = ledger.value
  return (
    <>
      <h1>Ledger</h1>
      {shown === undefined ? <Loading /> : <Accounts shown={shown} />}
    </>
  )
}

function Accounts({ shown: { now, total, destinations, channels } }: { shown: Ledger }) {
  if (total.received === 0) {
    return (
      <Empty>
        No message has been received. From the first one on, this page says what became of each.{' '}
        <a href={linkTo('overview')}>How to send one</a>
      </Empty>
    )
  }
  return (
    <>
      <section class="card ledger">
        <header class="page-head">
          <h2>All messages</h2>
          <span class="quiet">
            since the data directory was created, at the first destination, as of{' '}
            <DateTime at={now} />
          </span>
        </header>
        <Waterfall account={total} />
      </section>
      {destinations.length > 0 && (
        <section class="card">
          <h2>Further destinations</h2>
          <AccountTable
            caption="What became of the messages at the further destinations"
            of="Destination"
            rows={destinations}
            keyOf={({ destination }) => destination}
            name={({ destination }) => (
              <a href={linkTo('destinations', destination)}>
                <VisibleText text={destination} maxCharacters={128} />
              </a>
            )}
          />
        </section>
      )}
      <Channels channels={channels} />
    </>
  )
}

function Channels({ channels }: Pick<Ledger, 'channels'>) {
  const filter = useSignal('')
  const found = channels.filter(({ channel }) => channel.includes(filter.value))
  const shown = found.slice(0, MAX_ROWS)
  return (
    <section class="card">
      <header class="page-head">
        <h2>Channels</h2>
        <span class="quiet">
          {counted(found.length, 'channel')}
          {found.length > shown.length && `, the first ${MAX_ROWS} are shown`}
        </span>
        <label class="field is-last">
          Find
          <input
            type="search"
            data-search
            value={filter.value}
            onInput={({ currentTarget }) => (filter.value = currentTarget.value)}
          />
        </label>
      </header>
      {shown.length === 0 && <Empty>No channel has “{filter.value}” in its name.</Empty>}
      {shown.length > 0 && (
        <AccountTable
          caption="What became of the messages of each channel"
          of="Channel"
          rows={shown}
          keyOf={({ channel }) => channel}
          name={({ channel }) => (
            <a href={linkTo('channels', channel)}>
              <VisibleText text={channel} maxCharacters={128} />
            </a>
          )}
        />
      )}
    </section>
  )
}
