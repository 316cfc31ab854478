/** Where messages go: does it work, since when not, what to do, and trying now. */
import type { DestinationList } from '../../../src/http/api/shapes/destinations.ts'
import { useTopic } from '../../live/events.ts'
import { destinations } from '../../live/store.ts'
import { Empty, Loading } from '../../parts/notices.tsx'
import { route } from '../../shell/current-route.ts'
import { DestinationCard } from './destination-card.tsx'

export function DestinationsPage() {
  useTopic('destinations')
  const list = destinations.value
  return (
    <>
      <h1>Destinations</h1>
      {list === undefined ? <Loading /> : <Cards list={list} />}
    </>
  )
}

/** In the order of the configuration; the one of the address alone. */
function Cards({ list: { destinations: all } }: { list: DestinationList }) {
  const { name } = route.value
  const shown = name === '' ? all : all.filter((one) => one.name === name)
  if (all.length === 0) {
    return (
      <Empty>
        No destination is configured: messages are kept here, and can be read and queried. A
        destination is an entry of <code>destinations</code> in the configuration.
      </Empty>
    )
  }
  return (
    <>
      {name !== '' && (
        <p>
          <a href="#/destinations">All destinations</a>
        </p>
      )}
      {shown.length === 0 && <Empty>There is no destination “{name}” any more.</Empty>}
      {shown.map((destination) => (
        <DestinationCard key={destination.name} destination={destination} />
      ))}
    </>
  )
}
