/** Shown until the first message has come: how to send one, where to see it, how to send it on. */
import type { Overview } from '../../../src/http/api/shapes/overview.ts'
import { CopyButton } from '../../parts/copy-button.tsx'
import { Count } from '../../parts/figures.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { Age } from '../../parts/times.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'
import { linkTo } from '../../route.ts'
import { mqttAddress } from './mqtt-address.ts'
import { SendOne } from './send-one.tsx'

const DESTINATION = `destinations:
  - name: aws
    iotAnalytics:
      region: eu-central-1
`

export function FirstRun({ overview }: { overview: Overview }) {
  const address = mqttAddress(overview.sources, location.hostname)
  const hasMessages = overview.received > 0
  return (
    <div class="first-run">
      <header class="page-head">
        <h2 class="first-run-title">
          {hasMessages ? 'The first message is here' : 'Waiting for the first message …'}
        </h2>
        {address !== undefined && <code>{address.url}</code>}
      </header>
      <ol class="steps">
        <li class="card">
          <h3>Send one</h3>
          <SendOne address={address} />
        </li>
        <li class="card">
          <h3>See it here</h3>
          <Arrived overview={overview} />
        </li>
        <li class="card">
          <h3>Send it on</h3>
          <p>
            Without a destination, messages are kept here. With one in the configuration, they go
            there too:
          </p>
          <div class="code-block">
            <pre>{DESTINATION}</pre>
            <CopyButton text={DESTINATION} label="Copy the configuration" />
          </div>
        </li>
      </ol>
      {!hasMessages && <NothingArrives overview={overview} isLocal={address?.isLocal === true} />}
    </div>
  )
}

function Arrived({ overview: { channels, received } }: { overview: Overview }) {
  if (received === 0) {
    return (
      <p aria-live="polite">
        <StateBadge state="quiet">nothing yet</StateBadge>
      </p>
    )
  }
  const [first] = channels
  return (
    <>
      <p aria-live="polite">
        <StateBadge state="ok">
          {first === undefined ? (
            'It came in'
          ) : (
            <VisibleText text={first.name} maxCharacters={60} />
          )}
        </StateBadge>
        : <Count value={received} /> {received === 1 ? 'message' : 'messages'}, on disk.
      </p>
      <p class="first-run-actions">
        {first !== undefined && (
          <a class="button is-main" href={linkTo('channels', first.name)}>
            Open the channel
          </a>
        )}
        <button type="button" class="button" onClick={() => location.reload()}>
          To the overview
        </button>
      </p>
    </>
  )
}

function NothingArrives({ overview, isLocal }: { overview: Overview; isLocal: boolean }) {
  const { lastRefusal } = overview
  return (
    <section class="card">
      <h3>Nothing arriving?</h3>
      {lastRefusal === null ? (
        <p>Nobody has been refused since the start.</p>
      ) : (
        <p>
          Last refusal: <VisibleText text={lastRefusal.who} maxCharacters={80} />,{' '}
          <Age of={lastRefusal.at} /> ago:{' '}
          <VisibleText text={lastRefusal.reason} maxCharacters={300} />.
        </p>
      )}
      {isLocal && (
        <p>
          The connector listens on this machine only. The setting{' '}
          <code>sources.mqttServer.host: 0.0.0.0</code> lets other machines in; then it needs users
          too.
        </p>
      )}
    </section>
  )
}
