/**
 * The picture of the flow: sources, channels and destinations in three columns, with lines as thick
 * as the logarithm of their rate; a dashed line is idle. The columns are tables, so a screen reader
 * has the same figures; the lines between them are decoration.
 */
import type { ComponentChildren } from 'preact'
import { countText } from '../../../src/format/count.ts'
import type { ChannelRow } from '../../../src/http/api/shapes/channels.ts'
import type {
  DestinationSummary,
  Overview,
  SourceRow,
} from '../../../src/http/api/shapes/overview.ts'
import { Count, counted, Rate } from '../../parts/figures.tsx'
import { useStableOrder } from '../../parts/order/stable-order.ts'
import { StateBadge } from '../../parts/state-badge.tsx'
import { Age, Countdown } from '../../parts/times.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'
import { linkTo } from '../../route.ts'
import { FlowLines } from './flow-lines.tsx'

const NAME_CHARACTERS = 32

export function Flow({ overview }: { overview: Overview }) {
  const { sources, destinations, channelCount } = overview
  const channels = useStableOrder(overview.channels, ({ name }) => name)
  const rows = Math.max(sources.length, channels.rows.length, destinations.length)
  const others = channelCount - channels.rows.length
  return (
    <section class="card flow" aria-label="Flow of messages">
      <div class="flow-columns">
        <FlowColumn title="Sources" figures={['in']} rows={rows} count={sources.length}>
          {sources.map((source) => (
            <SourceLine key={source.name} source={source} />
          ))}
        </FlowColumn>
        <FlowLines
          rows={rows}
          left={sources.map(({ in: rate }) => rate)}
          right={channels.rows.map(({ in: rate }) => rate)}
        />
        <FlowColumn
          title="Channels"
          figures={['in', 'waiting']}
          rows={rows}
          count={channels.rows.length}
        >
          {channels.rows.map((channel) => (
            <ChannelLine key={channel.name} channel={channel} />
          ))}
        </FlowColumn>
        <FlowLines
          rows={rows}
          left={channels.rows.map(({ out }) => out)}
          right={destinations.map(({ out }) => out)}
        />
        <FlowColumn title="Destinations" figures={['out']} rows={rows} count={destinations.length}>
          {destinations.map((destination) => (
            <DestinationLine key={destination.name} destination={destination} />
          ))}
        </FlowColumn>
      </div>
      <p class="flow-foot quiet">
        {others > 0 && (
          <>
            and {counted(others, 'more channel')}, <a href={linkTo('channels')}>all channels</a>
          </>
        )}
        {channels.isOld && (
          <button type="button" class="button is-small" onClick={channels.sort}>
            Sort again
          </button>
        )}
        {destinations.length === 0 && 'No destination is configured: messages are kept here.'}
      </p>
    </section>
  )
}

function FlowColumn({
  title,
  figures,
  rows,
  count,
  children,
}: {
  title: string
  figures: readonly string[]
  rows: number
  count: number
  children: ComponentChildren
}) {
  return (
    <table class="flow-column" style={{ '--above': (rows - count) / 2 }}>
      <caption class="label">{title}</caption>
      <colgroup>
        <col />
        {figures.map((name) => (
          <col key={name} class="flow-figure" />
        ))}
      </colgroup>
      <thead class="visually-hidden">
        <tr>
          <th scope="col">name</th>
          {figures.map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  )
}

function SourceLine({ source }: { source: SourceRow }) {
  const { name, description, state, clients, in: rate, since } = source
  return (
    <tr title={description}>
      <th scope="row">
        <VisibleText text={name} maxCharacters={NAME_CHARACTERS} />
        {state === 'disconnected' && (
          <span class="flow-state">
            <StateBadge state="attention">away {since !== null && <Age of={since} />}</StateBadge>
          </span>
        )}
        {clients !== null && (
          <a class="quiet flow-state" href={linkTo('clients')}>
            {counted(clients, 'client')}
          </a>
        )}
      </th>
      <td>
        <Rate value={rate} />
      </td>
    </tr>
  )
}

function ChannelLine({ channel }: { channel: ChannelRow }) {
  const { name, in: rate, waiting, fault, oldestAt } = channel
  return (
    <tr>
      <th scope="row">
        <a href={linkTo('channels', name)}>
          <VisibleText text={name} maxCharacters={NAME_CHARACTERS} />
        </a>
        {fault !== null && (
          <span class="flow-state" title={fault}>
            <StateBadge state="down">takes nothing</StateBadge>
          </span>
        )}
      </th>
      <td>
        <Rate value={rate} />
      </td>
      <td title={oldestAt === null ? '' : `the oldest is of ${oldestAt}`}>
        {waiting === 0 ? (
          <span class="quiet">0</span>
        ) : (
          <>
            <Count value={waiting} />
            <span class="visually-hidden"> waiting</span>
          </>
        )}
      </td>
    </tr>
  )
}

function DestinationLine({ destination }: { destination: DestinationSummary }) {
  const { name, state, nextAttemptAt, out, error_message: message, waiting } = destination
  return (
    <tr title={message ?? `${countText(waiting)} waiting`}>
      <th scope="row">
        <a href={linkTo('destinations', name)}>
          <VisibleText text={name} maxCharacters={NAME_CHARACTERS} />
        </a>
        <span class="flow-state">
          {state === 'working' && <StateBadge state="ok">ok</StateBadge>}
          {state === 'unopened' && <StateBadge state="down">not opened</StateBadge>}
          {state === 'retrying' && (
            <StateBadge state="attention">
              retry {nextAttemptAt !== null && <Countdown to={nextAttemptAt} />}
            </StateBadge>
          )}
        </span>
      </th>
      <td>
        <Rate value={out} />
      </td>
    </tr>
  )
}
