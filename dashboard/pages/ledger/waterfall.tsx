/** What became of everything that was received: each part begins where the one before it ended. */
import { exactCount } from '../../../src/format/count.ts'
import type { Account } from '../../../src/http/api/shapes/ledger.ts'
import { StateBadge } from '../../parts/state-badge.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'
import { droppedOf, type Part, partsOf } from './account-parts.ts'

export function Waterfall({ account }: { account: Account }) {
  const { received } = account
  const parts = partsOf(account)
  return (
    <>
      <Sum account={account} />
      <table class="waterfall">
        <caption class="visually-hidden">What became of the received messages</caption>
        <thead class="visually-hidden">
          <tr>
            <th scope="col">What</th>
            <th scope="col">Messages</th>
            <th scope="col">Share</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">received</th>
            <td class="is-figure">{exactCount(received)}</td>
            <td>
              <Bar kind="received" from={0} to={1} />
            </td>
          </tr>
          {parts.map((part) => (
            <PartRow key={part.label} part={part} received={received} />
          ))}
        </tbody>
      </table>
    </>
  )
}

/** The sum in words and digits, as the ledger has to add up. */
function Sum({ account }: { account: Account }) {
  const { received, delivered, rejected, expired, waiting, inFlight } = account
  return (
    <div class="ledger-sum">
      <p>
        received <Exact value={received} /> = delivered <Exact value={delivered} /> + rejected{' '}
        <Exact value={rejected} /> + dropped <Exact value={droppedOf(account)} /> + expired{' '}
        <Exact value={expired} /> + waiting <Exact value={waiting} /> + in flight{' '}
        <Exact value={inFlight} />
      </p>
      <AddsUp account={account} />
    </div>
  )
}

export function AddsUp({ account: { difference } }: { account: Account }) {
  if (difference === 0) return <StateBadge state="ok">adds up</StateBadge>
  return (
    <StateBadge state="down">
      {exactCount(Math.abs(difference))} {difference > 0 ? 'missing' : 'too many'}
    </StateBadge>
  )
}

function Exact({ value }: { value: number }) {
  return <b class="figure">{exactCount(value)}</b>
}

function PartRow({ part, received }: { part: Part; received: number }) {
  const { label, kind, count, before } = part
  const isLoss = kind === 'lost' && count > 0
  return (
    <tr class={isLoss ? 'is-loss' : ''}>
      <th scope="row">
        <VisibleText text={label} maxCharacters={128} />
      </th>
      <td class="is-figure">{exactCount(count)}</td>
      <td>
        <span class="visually-hidden">{shareText(count, received)}</span>
        {count > 0 && <Bar kind={kind} from={before / received} to={(before + count) / received} />}
      </td>
    </tr>
  )
}

/** At least two pixels wide: a few lost messages among millions must be seen. */
function Bar({ kind, from, to }: { kind: string; from: number; to: number }) {
  const left = `${(100 * Math.min(from, 1)).toFixed(3)}%`
  const width = `${(100 * Math.max(0, Math.min(to, 1) - from)).toFixed(3)}%`
  return (
    <div class="waterfall-track" aria-hidden="true">
      <div class={`waterfall-bar is-${kind}`} style={{ left, width }} />
    </div>
  )
}

function shareText(count: number, received: number): string {
  if (received === 0) return '–'
  const percent = (100 * count) / received
  return count > 0 && percent < 0.01 ? 'less than 0.01 %' : `${Number(percent.toFixed(2))} %`
}
