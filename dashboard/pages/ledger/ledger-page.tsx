import { Empty } from '../../parts/notices.tsx'

export function LedgerPage() {
  return (
    <>
      <h1>Ledger</h1>
      <Empty>This page is not there yet.</Empty>
    </>
  )
}
