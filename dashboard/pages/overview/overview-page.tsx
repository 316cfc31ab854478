import { Empty } from '../../parts/notices.tsx'

export function OverviewPage() {
  return (
    <>
      <h1>Overview</h1>
      <Empty>This page is not there yet.</Empty>
    </>
  )
}
