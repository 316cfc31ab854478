import { Empty } from '../../parts/notices.tsx'

export function ClientsPage() {
  return (
    <>
      <h1>Clients</h1>
      <Empty>This page is not there yet.</Empty>
    </>
  )
}
