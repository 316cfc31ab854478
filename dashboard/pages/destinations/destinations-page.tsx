import { Empty } from '../../parts/notices.tsx'

export function DestinationsPage() {
  return (
    <>
      <h1>Destinations</h1>
      <Empty>This page is not there yet.</Empty>
    </>
  )
}
