import { Empty } from '../../parts/notices.tsx'

export function ChannelsPage() {
  return (
    <>
      <h1>Channels</h1>
      <Empty>This page is not there yet.</Empty>
    </>
  )
}
