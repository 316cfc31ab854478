/** Asks the cluster whether messages could be written now. */
import { ConnectorError } from '../../errors.ts'
import { type PositionOwner, positionsMissing } from './positions.ts'
import type { ProducerParts } from './producer-parts.ts'
import type { TopicState } from './protocol/cluster.ts'
import { KafkaError } from './protocol/errors.ts'
import { transactionalIdOf } from './transactional-producer.ts'

/** Kafka's numbers of operations. */
const READ = 3
const WRITE = 4

/** @throws {ConnectorError} */
export async function checkKafka(
  parts: ProducerParts,
  owner: PositionOwner,
  signal: AbortSignal,
): Promise<void> {
  const { cluster, connections, options } = parts
  const { topic, topics, transactions, positionsTopic } = options
  const names = new Set(topic === undefined ? Object.values(topics ?? {}) : [topic])
  if (transactions) names.add(positionsTopic)
  try {
    await cluster.within(options.timeout, signal, async (bounded) => {
      // With a prefix, the topics depend on the channels: then only the connection is checked.
      await cluster.anyBroker(bounded)
      const states = await cluster.topics(names, bounded)
      for (const name of names) {
        expectWritable(name, states.get(name), transactions && name === positionsTopic)
      }
      if (transactions) {
        // A producer id would end the session of a connector that runs now, so it is not asked for.
        await cluster.coordinatorOf(transactionalIdOf(owner), bounded)
      } else {
        await parts.initProducer(null, bounded)
      }
    })
  } catch (thrown) {
    throw connections.asError(thrown, `reaching Kafka at ${options.brokers.join(', ')}`)
  }
}

function expectWritable(
  name: string,
  state: TopicState | ConnectorError | undefined,
  isPositions: boolean,
): void {
  if (state === undefined) return
  if (state instanceof ConnectorError) {
    throw isPositions && state.code === 'DestinationMissing' ? positionsMissing(name) : state
  }
  const { operations } = state
  expectOperation(name, operations, WRITE, 'Write')
  if (isPositions) expectOperation(name, operations, READ, 'Read')
}

function expectOperation(
  topic: string,
  operations: number | undefined,
  operation: number,
  name: string,
) {
  if (operations === undefined || (operations & (1 << operation)) !== 0) return
  throw new KafkaError('denied', `the user has no permission ${name} on topic ${topic}`)
}
