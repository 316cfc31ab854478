import { Empty } from '../../parts/notices.tsx'

export function MessagesPage() {
  return (
    <>
      <h1>Messages</h1>
      <Empty>This page is not there yet.</Empty>
    </>
  )
}
