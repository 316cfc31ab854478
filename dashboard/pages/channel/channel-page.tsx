/** One channel: its figures, the messages as they come, their fields, losses and settings. */
import type { ComponentChildren } from 'preact'
import { durationText } from '../../../src/format/duration.ts'
import { rateText } from '../../../src/format/rate.ts'
import type { ChannelDetail } from '../../../src/http/api/shapes/channels.ts'
import type { History } from '../../../src/http/api/shapes/overview.ts'
import { getJson } from '../../api/client.ts'
import { useResource } from '../../api/resource.ts'
import { useTopic } from '../../live/events.ts'
import { channels } from '../../live/store.ts'
import { Bytes, Count, Rate } from '../../parts/figures.tsx'
import { Sparkline } from '../../parts/graphs/sparkline.tsx'
import { Loaded } from '../../parts/notices.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { Age, secondsSince } from '../../parts/times.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'
import { linkTo } from '../../route.ts'
import { route } from '../../shell/current-route.ts'
import { FieldsTab } from './fields-tab.tsx'
import { LiveTab } from './live-tab.tsx'
import { LossesTab, SettingsTab } from './other-tabs.tsx'

const TABS = { live: 'Live', fields: 'Fields', losses: 'Losses', settings: 'Settings' } as const
type Tab = keyof typeof TABS

const DETAIL_MS = 5_000
const HISTORY_MS = 30_000

export function ChannelPage({ name }: { name: string }) {
  useTopic('channels')
  const path = `channels/${encodeURIComponent(name)}`
  const detail = useResource(path, (signal) => getJson<ChannelDetail>(path, { signal }), DETAIL_MS)
  const tab = tabOf(route.value.query['tab'])
  return (
    <>
      <Head name={name} path={path} detail={detail.value} />
      <nav class="tabs" aria-label="Parts of the channel">
        {Object.entries(TABS).map(([key, title]) => (
          <a
            key={key}
            class="tab"
            href={linkTo('channels', name, { tab: key === 'live' ? '' : key })}
            aria-current={key === tab ? 'page' : undefined}
          >
            {title}
          </a>
        ))}
      </nav>
      {tab === 'live' && <LiveTab name={name} path={path} />}
      {tab === 'fields' && <FieldsTab path={path} />}
      <Loaded resource={detail}>
        {(value) => (
          <>
            {tab === 'losses' && <LossesTab name={name} detail={value} />}
            {tab === 'settings' && <SettingsTab detail={value} />}
          </>
        )}
      </Loaded>
    </>
  )
}

function tabOf(text: string | undefined): Tab {
  return text !== undefined && text in TABS ? (text as Tab) : 'live'
}

interface HeadProps {
  readonly name: string
  readonly path: string
  readonly detail: ChannelDetail | undefined
}

function Head({ name, path, detail }: HeadProps) {
  const history = useResource(
    `${path}/history`,
    (signal) => getJson<History>(`${path}/history`, { signal }),
    HISTORY_MS,
  )
  // The row of the last event is newer than the detail.
  const row = channels.value?.rows.find((one) => one.name === name) ?? detail
  return (
    <header class="channel-head">
      <div class="page-head">
        <h1>
          <VisibleText text={name} maxCharacters={128} />
        </h1>
        <a class="button is-small is-last" href={queryLink(name)}>
          Query
        </a>
      </div>
      {row !== undefined && (
        <dl class="facts">
          <Fact label="in">
            <Rate value={row.in} />
          </Fact>
          <Fact label="out">
            <Rate value={row.out} />
          </Fact>
          <Fact label="waiting">
            <Count value={row.waiting} />
          </Fact>
          <Fact label="oldest waiting">
            {row.oldestAt === null ? '–' : <Age of={row.oldestAt} />}
          </Fact>
          <Fact label="stored">{detail === undefined ? '–' : <Stored detail={detail} />}</Fact>
          <Fact label="in, last hour">
            <Sparkline values={history.value?.in ?? []} label={labelOf(history.value)} />
          </Fact>
        </dl>
      )}
      {row?.fault != null && (
        <p class="notice is-bad" role="alert">
          <StateBadge state="down">takes no messages</StateBadge>
          <VisibleText text={row.fault} />
        </p>
      )}
    </header>
  )
}

function Stored({ detail: { bytes, firstReceivedAt } }: { detail: ChannelDetail }) {
  return (
    <>
      <Bytes value={bytes} />
      {firstReceivedAt !== null && `, back ${durationText(secondsSince(firstReceivedAt))}`}
    </>
  )
}

function Fact({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div>
      <dt class="label">{label}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function labelOf(history: History | undefined): string {
  return `In, last hour: up to ${rateText(Math.max(0, ...(history?.in ?? [])))}`
}

/** The names of tables are quoted as in SQL. */
function queryLink(name: string): string {
  return linkTo('query', '', { sql: `select * from "${name.replaceAll('"', '""')}" limit 100` })
}
