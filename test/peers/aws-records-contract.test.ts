import { after, before, describe } from 'node:test'
import { destinationContract } from '../contract/destination.contract.ts'
import { firehoseSetup, kinesisSetup, peerOf } from '../support/destinations/records-under-test.ts'
import { type Moto, skipWithoutMoto, startMoto } from '../support/servers/moto.ts'

describe('Kinesis and Firehose, as moto has them', { skip: skipWithoutMoto }, () => {
  let moto: Moto
  const cleanups: (() => unknown)[] = []
  before(async () => {
    moto = await startMoto({ after: (release) => cleanups.push(release) })
  })
  after(async () => {
    for (const release of cleanups) await release()
  })

  destinationContract('Kinesis', async (t, timeoutMs) => {
    const setup = await kinesisSetup(t, moto, { maxAttempts: 2, timeout: timeoutMs })
    const peer = peerOf(setup, true)
    const { destination } = setup
    return { destination, peer, maxSendMs: 2 * timeoutMs + 1_500, tooLargeBytes: 1_048_577 }
  })

  destinationContract('Firehose', async (t, timeoutMs) => {
    const setup = await firehoseSetup(t, moto, { maxAttempts: 2, timeout: timeoutMs })
    const peer = peerOf(setup, false)
    const { destination } = setup
    return { destination, peer, maxSendMs: 2 * timeoutMs + 1_500, tooLargeBytes: 1_024_001 }
  })
})
