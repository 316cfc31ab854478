/** Kinds whose peer is a real server, and the connector that a connector sends to. */
import { skipWithoutKafka, startKafka } from '../../test/support/servers/kafka.ts'
import { createTopic } from '../../test/support/servers/kafka-topics.ts'
import { skipWithoutNats, startNats } from '../../test/support/servers/nats.ts'
import { skipWithoutPostgres, startPostgres } from '../../test/support/servers/postgres.ts'
import {
  skipWithoutVictoriaMetrics,
  startVictoriaMetrics,
} from '../../test/support/servers/victoria-metrics.ts'
import { ConnectorProcess } from '../support/connector-process.ts'
import { AWS_SETTINGS } from './clients/client.ts'
import { type BenchKind, PEER_CORE } from './kind.ts'

const POSITIONS = 'iot-connector-positions'
const PARTITIONS = 3

function kafkaKind(name: string, transactions: boolean): BenchKind {
  const kind: BenchKind = {
    name,
    peer: 'Apache Kafka',
    target: 12,
    skip: skipWithoutKafka,
    async start(t) {
      const { broker } = await startKafka(t)
      await createTopic(broker, POSITIONS, { configs: { 'cleanup.policy': 'compact' } })
      const newTopic = async (run: string) => {
        const topic = `messages-${run}`
        await createTopic(broker, topic, { partitions: PARTITIONS })
        return topic
      }
      return {
        async connector(run) {
          const kafka = { brokers: [broker], topic: await newTopic(run), transactions }
          return { destinations: [{ kafka }] }
        },
        client: async (run) => ({ url: broker, target: await newTopic(run) }),
      }
    },
  }
  return transactions ? kind : { ...kind, client: { name: 'kafka', batch: 1_000 } }
}

export const kafka = kafkaKind('kafka', false)
export const kafkaTransactions = kafkaKind('kafka-transactions', true)

export const influx: BenchKind = {
  name: 'influx',
  peer: 'VictoriaMetrics',
  target: 4,
  skip: skipWithoutVictoriaMetrics,
  client: { name: 'fetchPoints', batch: 5_000 },
  async start(t) {
    const { url } = await startVictoriaMetrics(t)
    const tags = { device: { topicLevel: 2 } }
    return {
      async connector(run) {
        return { destinations: [{ influx: { url, api: 'v1', database: run, tags } }] }
      },
      client: async (run) => ({ url, target: run }),
    }
  },
}

export const postgres: BenchKind = {
  name: 'postgres',
  peer: 'PostgreSQL',
  target: 4,
  skip: skipWithoutPostgres,
  client: { name: 'pg', batch: 1_000 },
  async start(t) {
    const { url } = await startPostgres(t)
    return {
      async connector(run) {
        const table = `messages_${run.replaceAll('-', '_')}`
        return { destinations: [{ postgres: { url, table, create: true } }] }
      },
      client: async (run) => ({ url, target: `messages_${run.replaceAll('-', '_')}` }),
    }
  },
}

export const nats: BenchKind = {
  name: 'nats',
  peer: 'NATS JetStream',
  target: 11,
  skip: skipWithoutNats,
  client: { name: 'jetstream', batch: 500 },
  async start(t) {
    const server = await startNats(t)
    let former: string | undefined
    const newStream = async (run: string) => {
      if (former !== undefined) await server.api(`STREAM.DELETE.${former}`)
      former = run
      await server.api(`STREAM.CREATE.${run}`, { name: run, subjects: [`${run}.*`] })
    }
    return {
      async connector(run) {
        await newStream(run)
        const servers = [`127.0.0.1:${server.port}`]
        return { destinations: [{ nats: { servers, stream: run, subjectPrefix: run } }] }
      },
      async client(run) {
        await newStream(run)
        return { url: `127.0.0.1:${server.port}`, target: run }
      },
    }
  },
}

export const chain: BenchKind = {
  name: 'chain',
  peer: 'another connector, which takes 1,000 messages a call',
  target: 3,
  skip: false,
  channels: 10,
  client: { name: 'batchPutMessage', batch: 100 },
  async start(t) {
    const credentials = [AWS_SETTINGS.credentials]
    const site = await ConnectorProcess.start(
      {
        connectorId: 'site',
        sources: { batchPutMessage: { credentials } },
        storage: { maxBytes: 10_000_000_000 },
        destinations: [],
        log: { level: 'error' },
      },
      PEER_CORE,
    )
    t.after(() => site.stop('SIGKILL'))
    const endpoint = `http://127.0.0.1:${site.httpPort}`
    const iotAnalytics = { endpoint, maxBatchMessages: 1_000, ...AWS_SETTINGS }
    return {
      otherPid: site.pid,
      connector: async () => ({
        destinations: [{ iotAnalytics }],
      }),
      client: async () => ({ url: endpoint, target: '' }),
    }
  },
}
