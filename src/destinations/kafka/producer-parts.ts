/** What both kinds of producers are made of. */
import type { Clock } from '../../clock.ts'
import type { KafkaOptions } from './options.ts'
import type { Cluster } from './protocol/cluster.ts'
import type { Connections } from './protocol/connections.ts'
import type { KafkaLibrary } from './protocol/library.ts'
import type { Compression, ProducerId } from './protocol/record-batch.ts'

export interface ProducerParts {
  readonly connectorId: string
  readonly options: KafkaOptions
  readonly library: KafkaLibrary
  readonly cluster: Cluster
  readonly connections: Connections
  readonly compression: Compression | undefined
  readonly timeoutMs: number
  readonly clock: Clock
  initProducer(transactionalId: string | null, signal: AbortSignal): Promise<ProducerId>
}

/** Beyond the time of a round: after this, the broker ends a transaction that is left open. */
const TRANSACTION_RESERVE_MS = 30_000
const NO_PRODUCER = -1n
const NO_EPOCH = -1

/** Asks for a producer id. An open transaction of the same transactional id is aborted. */
export async function initProducer(
  { cluster, connections, library, timeoutMs }: Omit<ProducerParts, 'initProducer'>,
  transactionalId: string | null,
  signal: AbortSignal,
): Promise<ProducerId> {
  const doing = 'asking for a producer id'
  // The broker first ends the transaction that a predecessor has left open. That takes its time.
  const maxAttempts = transactionalId === null ? undefined : Number.POSITIVE_INFINITY
  const ask = async () => {
    const broker =
      transactionalId === null
        ? await cluster.anyBroker(signal)
        : await cluster.coordinatorOf(transactionalId, signal)
    const { api } = broker.newest('InitProducerId', [
      library.initProducerIdV5,
      library.initProducerIdV4,
      library.initProducerIdV3,
    ])
    const timeoutOfTransaction = timeoutMs + TRANSACTION_RESERVE_MS
    const answer = await connections.request(broker, signal, (at) =>
      api.async(at.connection, transactionalId, timeoutOfTransaction, NO_PRODUCER, NO_EPOCH),
    )
    return { id: answer.producerId, epoch: answer.producerEpoch }
  }
  return await cluster.retried(signal, doing, ask, maxAttempts)
}
