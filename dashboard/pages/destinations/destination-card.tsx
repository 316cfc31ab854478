/** One destination. */
import { durationText } from '../../../src/format/duration.ts'
import type { DestinationDetail } from '../../../src/http/api/shapes/destinations.ts'
import { DataTable } from '../../parts/data-table.tsx'
import { Count, counted, Rate } from '../../parts/figures.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { Age, Countdown, DateTime } from '../../parts/times.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'
import { linkTo } from '../../route.ts'
import { StateLine } from './state-line.tsx'
import { TryNow } from './try-now.tsx'

interface Shown {
  readonly destination: DestinationDetail
}

export function DestinationCard({ destination }: Shown) {
  const { name, kind, description, isPrimary, state } = destination
  return (
    <section class="card destination">
      <header class="page-head">
        <h2>
          <VisibleText text={name} maxCharacters={128} />
        </h2>
        <span class="quiet">
          {kind}, <VisibleText text={description} maxCharacters={200} />
          {isPrimary && ', makes the receipts'}
        </span>
        {state !== 'working' && <TryNow name={name} />}
      </header>
      <div class="destination-state">
        <State destination={destination} />
        <StateLine destination={destination} />
      </div>
      <Problem destination={destination} />
      <Facts destination={destination} />
      <Channels destination={destination} />
    </section>
  )
}

function State({ destination: { state, since, nextAttemptAt, attempts } }: Shown) {
  if (state === 'working') {
    return (
      <p>
        <StateBadge state="ok">working</StateBadge>
        {since !== null && (
          <span class="quiet">
            {' '}
            for <Age of={since} />
          </span>
        )}
      </p>
    )
  }
  if (state === 'unopened') {
    return (
      <p>
        <StateBadge state="down">not opened</StateBadge>
        <span class="quiet"> The connector has not been able to prepare it.</span>
      </p>
    )
  }
  return (
    <p>
      <StateBadge state="attention">retrying</StateBadge>
      {nextAttemptAt !== null && (
        <>
          : next try <Countdown to={nextAttemptAt} />
        </>
      )}
      {attempts > 0 && ` (attempt ${attempts + 1})`}
      {since !== null && (
        <span class="quiet">
          {' '}
          since <DateTime at={since} />, <Age of={since} />
        </span>
      )}
    </p>
  )
}

function Problem({ destination }: Shown) {
  const { error, error_message: message, advice, unansweredSince } = destination
  if (message === null && unansweredSince === null) return null
  return (
    <div class="destination-problem">
      {message !== null && (
        <p>
          <VisibleText text={message} maxCharacters={2_000} />{' '}
          {error !== null && <code class="quiet">{error}</code>}
        </p>
      )}
      {advice !== null && (
        <p>
          <VisibleText text={advice} maxCharacters={2_000} />
        </p>
      )}
      {unansweredSince !== null && (
        <p>
          A request has been without an answer for <Age of={unansweredSince} />.
        </p>
      )}
    </div>
  )
}

function Facts({ destination }: Shown) {
  const { lastSuccessAt, answers, out, waiting, oldestWaitingAt, delivered } = destination
  const lost = destination.rejected + destination.dropped + destination.expired
  return (
    <dl class="facts">
      <div>
        <dt class="label">out</dt>
        <dd>
          <Rate value={out} />
        </dd>
      </div>
      <div>
        <dt class="label">waiting</dt>
        <dd>
          <Count value={waiting} />
          {oldestWaitingAt !== null && (
            <span class="quiet">
              , oldest <Age of={oldestWaitingAt} />
            </span>
          )}
        </dd>
      </div>
      <div>
        <dt class="label">last success</dt>
        <dd>{lastSuccessAt === null ? 'none since the start' : <DateTime at={lastSuccessAt} />}</dd>
      </div>
      <div>
        <dt class="label">answers, last 5 min</dt>
        <dd>
          {answers === null
            ? '–'
            : `half within ${durationText(answers.p50)}, 99 % within ${durationText(answers.p99)}`}
        </dd>
      </div>
      <div>
        <dt class="label">delivered</dt>
        <dd>
          <Count value={delivered} />
        </dd>
      </div>
      <div>
        <dt class="label">rejected, dropped, expired</dt>
        <dd class={lost > 0 ? 'is-loss' : ''}>
          <Count value={destination.rejected} />, <Count value={destination.dropped} />,{' '}
          <Count value={destination.expired} />
        </dd>
      </div>
    </dl>
  )
}

function Channels({ destination: { channels, channelCount } }: Shown) {
  if (channels.length === 0) return null
  const more = channelCount - channels.length
  return (
    <details>
      <summary>{counted(channelCount, 'channel')} with waiting messages</summary>
      <DataTable
        caption="Channels with waiting messages"
        columns={[
          {
            name: 'Channel',
            isHeading: true,
            cell: ({ channel }) => (
              <a href={linkTo('channels', channel)}>
                <VisibleText text={channel} maxCharacters={128} />
              </a>
            ),
          },
          { name: 'Waiting', isFigure: true, cell: ({ waiting }) => <Count value={waiting} /> },
          {
            name: 'Oldest',
            isFigure: true,
            cell: ({ oldestAt }) => (oldestAt === null ? '–' : <Age of={oldestAt} />),
          },
          {
            name: 'Next try',
            isFigure: true,
            cell: ({ nextAttemptAt }) =>
              nextAttemptAt === null ? '–' : <Countdown to={nextAttemptAt} />,
          },
          { name: 'Attempts', isFigure: true, cell: ({ attempts }) => attempts },
        ]}
        rows={channels}
        keyOf={({ channel }) => channel}
      />
      {more > 0 && <p class="quiet">And {counted(more, 'channel')} with newer messages.</p>}
    </details>
  )
}
