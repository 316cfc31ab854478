import { Empty } from '../../parts/notices.tsx'

export function QueryPage() {
  return (
    <>
      <h1>Query</h1>
      <Empty>This page is not there yet.</Empty>
    </>
  )
}
