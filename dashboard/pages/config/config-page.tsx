import { Empty } from '../../parts/notices.tsx'

export function ConfigPage() {
  return (
    <>
      <h1>Config</h1>
      <Empty>This page is not there yet.</Empty>
    </>
  )
}
