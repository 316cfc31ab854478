/** What is known of the cluster: its brokers, and the leaders of topics' partitions. */
import type { Clock } from '../../../clock.ts'
import { ConnectorError } from '../../../errors.ts'
import type { Broker, BrokerAddress, Connections } from './connections.ts'
import { errorOfCode, KafkaError } from './errors.ts'
import type { KafkaLibrary } from './library.ts'

/** So that added partitions are used. */
const MAX_AGE_MS = 60_000
const MAX_ATTEMPTS = 5
const FIRST_DELAY_MS = 50
const MAX_DOUBLINGS = 3
const UNKNOWN_TOPIC = 3
const TRANSACTION_KEY = 1
/** In place of permissions, from a broker that has no access rules. */
const NO_OPERATIONS = -2_147_483_648

export interface TopicState {
  readonly name: string
  /** Node id of the leader of each partition; -1 if there is none now. */
  readonly leaders: readonly number[]
  /** A bit for each operation that the user may do; undefined if brokers don't say. */
  readonly operations: number | undefined
  readonly at: number
}

export interface ClusterOptions {
  readonly library: KafkaLibrary
  readonly connections: Connections
  readonly bootstrap: readonly string[]
  readonly clock: Clock
}

interface MetadataAnswer {
  readonly brokers: readonly (BrokerAddress & { readonly nodeId: number })[]
  readonly topics: readonly {
    readonly errorCode: number
    readonly name?: string | null | undefined
    readonly topicAuthorizedOperations: number
    readonly partitions: readonly { readonly partitionIndex: number; readonly leaderId: number }[]
  }[]
}

export class Cluster {
  readonly #options: ClusterOptions
  readonly #bootstrap: readonly BrokerAddress[]
  #brokers: ReadonlyMap<number, BrokerAddress> = new Map()
  readonly #topics = new Map<string, TopicState>()

  constructor(options: ClusterOptions) {
    this.#options = options
    this.#bootstrap = options.bootstrap.map(addressOf)
  }

  /**
   * The state of each topic, or why it can't be written to.
   * @throws {ConnectorError} if no broker answers
   */
  async topics(
    names: Iterable<string>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, TopicState | ConnectorError>> {
    const now = this.#options.clock.monotonic()
    const found = new Map<string, TopicState | ConnectorError>()
    const asked: string[] = []
    for (const name of names) {
      const state = this.#topics.get(name)
      if (state !== undefined && now - state.at < MAX_AGE_MS) found.set(name, state)
      else asked.push(name)
    }
    if (asked.length === 0) return found
    const { topics } = await this.#metadata(asked, signal)
    for (const topic of topics) found.set(topic.name ?? '', this.#note(topic, now))
    return found
  }

  /** To be asked for again, because its leaders have changed. */
  forget(topic: string): void {
    this.#topics.delete(topic)
  }

  leaderOf(topic: string, partition: number): BrokerAddress | undefined {
    return this.#brokers.get(this.#topics.get(topic)?.leaders[partition] ?? -1)
  }

  /** Undefined if the topic is not known now. */
  partitionsOf(topic: string): number | undefined {
    return this.#topics.get(topic)?.leaders.length
  }

  /** A connection to any broker. */
  async anyBroker(signal: AbortSignal): Promise<Broker> {
    const { connections } = this.#options
    let error: unknown
    for (const address of [...this.#brokers.values(), ...this.#bootstrap]) {
      try {
        return await connections.to(address, signal)
      } catch (thrown) {
        signal.throwIfAborted()
        error = thrown
      }
    }
    throw error
  }

  /** The broker that coordinates a producer's transactions. */
  async coordinatorOf(transactionalId: string, signal: AbortSignal): Promise<Broker> {
    const { library, connections } = this.#options
    const doing = `looking for the coordinator of ${transactionalId}`
    return await this.retried(signal, doing, async () => {
      const broker = await this.anyBroker(signal)
      const codec = broker.newest('FindCoordinator', [
        library.findCoordinatorV6,
        library.findCoordinatorV5,
        library.findCoordinatorV4,
      ])
      const { coordinators } = await connections.request(broker, signal, (at) =>
        codec.api.async(at.connection, TRANSACTION_KEY, [transactionalId]),
      )
      const coordinator = coordinators[0]
      if (coordinator === undefined) throw new KafkaError('retry', `${doing}: no answer`)
      return await connections.to(coordinator, signal)
    })
  }

  /** Tries again what may pass soon: a few times, or until the signal ends it. */
  async retried<Answer>(
    signal: AbortSignal,
    doing: string,
    call: () => Promise<Answer>,
    maxAttempts = MAX_ATTEMPTS,
  ): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call()
      } catch (thrown) {
        signal.throwIfAborted()
        const error = this.#options.connections.asError(thrown, doing)
        const isPassing = error instanceof KafkaError && isSoonOver(error)
        if (!isPassing || attempt === maxAttempts) throw error
        await this.pause(FIRST_DELAY_MS * 2 ** Math.min(attempt - 1, MAX_DOUBLINGS), signal)
      }
    }
  }

  /** Gives a call a signal that also ends it after some time. */
  async within<Answer>(
    timeoutMs: number,
    signal: AbortSignal,
    call: (bounded: AbortSignal) => Promise<Answer>,
  ): Promise<Answer> {
    const controller = new AbortController()
    const text = `Kafka did not answer within ${timeoutMs} ms`
    const timer = this.#options.clock.after(timeoutMs, () => {
      controller.abort(new KafkaError('retry', text))
    })
    const onAbort = () => controller.abort(signal.reason)
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    try {
      return await call(controller.signal)
    } finally {
      timer.cancel()
      signal.removeEventListener('abort', onAbort)
    }
  }

  async pause(delayMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      const timer = this.#options.clock.after(delayMs, () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      })
      function onAbort() {
        timer.cancel()
        reject(signal.reason)
      }
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  async #metadata(names: string[], signal: AbortSignal): Promise<MetadataAnswer> {
    const doing = `asking for the topics ${names.join(', ')}`.slice(0, 300)
    const answer = await this.retried(signal, doing, () => this.#askOnce(names, signal))
    this.#brokers = new Map(answer.brokers.map((broker) => [broker.nodeId, broker]))
    return answer
  }

  async #askOnce(names: string[], signal: AbortSignal): Promise<MetadataAnswer> {
    const { library, connections } = this.#options
    const broker = await this.anyBroker(signal)
    const codec = broker.newest('Metadata', [
      library.metadataV12,
      library.metadataV11,
      library.metadataV10,
      library.metadataV9,
    ])
    try {
      return await connections.request(broker, signal, (at) =>
        codec.api.async(at.connection, names, false, true),
      )
    } catch (thrown) {
      // The errors of single topics come with the answer about all.
      const answer: unknown = thrown instanceof Error ? Reflect.get(thrown, 'response') : undefined
      if (typeof answer === 'object' && answer !== null) return answer as MetadataAnswer
      throw thrown
    }
  }

  #note(topic: MetadataAnswer['topics'][number], at: number): TopicState | ConnectorError {
    const name = topic.name ?? ''
    if (topic.errorCode === UNKNOWN_TOPIC) {
      this.forget(name)
      return topicMissing(name)
    }
    if (topic.errorCode !== 0) {
      this.forget(name)
      return errorOfCode(topic.errorCode, `writing to topic ${name}`)
    }
    const leaders: number[] = []
    for (const { partitionIndex, leaderId } of topic.partitions) leaders[partitionIndex] = leaderId
    const operations = topic.topicAuthorizedOperations
    const state = {
      name,
      leaders,
      operations: operations === NO_OPERATIONS ? undefined : operations,
      at,
    }
    this.#topics.set(name, state)
    return state
  }
}

export function topicMissing(name: string): ConnectorError {
  return new ConnectorError(
    'DestinationMissing',
    `there is no topic ${name}, or the user may not see it. To create it: kafka-topics.sh --bootstrap-server HOST:PORT --create --topic ${name} --partitions 6`,
  )
}

const SOON_OVER: ReadonlySet<number> = new Set([5, 6, 14, 15, 16, 51])

/** Without a code, the connection failed: the broker may just be starting again. */
function isSoonOver({ kafkaCode, reaction }: KafkaError): boolean {
  return kafkaCode === undefined ? reaction === 'retry' : SOON_OVER.has(kafkaCode)
}

function addressOf(text: string): BrokerAddress {
  const at = text.lastIndexOf(':')
  return { host: text.slice(0, at), port: Number(text.slice(at + 1)) }
}
