/** The usual clients of Kafka, NATS, PostgreSQL and services that are posted to. */
import { jetstream } from '@nats-io/jetstream'
import { connect, headers as newHeaders } from '@nats-io/transport-node'
import { ProduceAcks, Producer, stringSerializers } from '@platformatic/kafka'
import pg from 'pg'
import { type Client, type ClientMaker, CONNECTOR, type Item, LOG_ID, rowOf } from './client.ts'

export const kafka: ClientMaker = async ({ url, target }, lane) => {
  const producer = new Producer({
    clientId: 'bench',
    bootstrapBrokers: [url],
    serializers: stringSerializers,
    idempotent: true,
    acks: ProduceAcks.ALL,
    retries: 3,
  })
  return {
    async send(items) {
      await producer.send({
        messages: items.map((item) => ({
          topic: target,
          key: item.topic,
          value: item.payload,
          headers: new Map(Object.entries(propertiesOf(item, lane))),
        })),
      })
    },
    close: () => producer.close(),
  }
}

export const jetStream: ClientMaker = async ({ url, target }, lane) => {
  const connection = await connect({ servers: url })
  const stream = jetstream(connection)
  return {
    async send(items) {
      await Promise.all(
        items.map((item) => {
          const fields = newHeaders()
          for (const [name, value] of Object.entries(propertiesOf(item, lane))) {
            fields.set(name, value)
          }
          const msgID = `${CONNECTOR}-${lane}-${item.offset}`
          const options = { msgID, headers: fields }
          return stream.publish(`${target}.readings_${lane}`, item.payload, options)
        }),
      )
    },
    close: () => connection.close(),
  }
}

const COLUMNS =
  'connector, channel, log_id, "offset", arrival_time, topic, message_id, content_type, payload'
const COLUMN_COUNT = 9

export const postgres: ClientMaker = async ({ url, target }, lane) => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(
    `create table if not exists ${target}_${lane} (connector text not null, channel text not null, log_id text not null, "offset" bigint not null, arrival_time timestamptz not null, topic text not null, message_id text not null, content_type text not null, payload jsonb)`,
  )
  const texts = new Map<number, string>()
  return {
    async send(items) {
      const known = texts.get(items.length)
      const text = known ?? insertOf(`${target}_${lane}`, items.length)
      texts.set(items.length, text)
      const values = items.flatMap((item) => [
        CONNECTOR,
        `readings_${lane}`,
        LOG_ID,
        item.offset,
        new Date(item.receivedAt),
        item.topic,
        `${LOG_ID}-${item.offset}`,
        'application/json',
        item.payload,
      ])
      await client.query({ name: `insert-${items.length}`, text, values })
    },
    close: () => client.end(),
  }
}

function insertOf(table: string, rows: number): string {
  const places = Array.from({ length: rows }, (_, row) => {
    const numbers = Array.from({ length: COLUMN_COUNT }, (_, at) => row * COLUMN_COUNT + at + 1)
    return `(${numbers.map((number) => `$${number}`).join(',')})`
  })
  return `insert into ${table} (${COLUMNS}) values ${places.join(',')}`
}

export const fetchLines: ClientMaker = async ({ url }, lane) =>
  posting(url, 'application/x-ndjson', (items) =>
    items.map((item) => `${rowOf(item, lane)}\n`).join(''),
  )

export const fetchPoints: ClientMaker = async ({ url, target }, lane) =>
  posting(`${url}/write?db=${target}&precision=ns`, 'text/plain', (items) =>
    items.map((item) => pointOf(item, lane)).join('\n'),
  )

function pointOf({ offset, receivedAt, topic, payload }: Item, lane: number): string {
  const fields = Object.entries(JSON.parse(payload) as Record<string, unknown>).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? JSON.stringify(value) : value}`,
  )
  const [, device = ''] = topic.split('/')
  const time = `${receivedAt}${String(offset % 1_000_000).padStart(6, '0')}`
  return `readings_${lane},connector=${CONNECTOR},device=${device} ${fields.join(',')} ${time}`
}

function posting(url: string, type: string, encode: (items: readonly Item[]) => string): Client {
  return {
    async send(items) {
      const headers = { 'content-type': type }
      const answer = await fetch(url, { method: 'POST', headers, body: encode(items) })
      await answer.arrayBuffer()
      if (!answer.ok) throw new Error(`the peer answered ${answer.status}`)
    },
    close: async () => {},
  }
}

function propertiesOf({ offset, receivedAt, topic }: Item, lane: number): Record<string, string> {
  return {
    connector: CONNECTOR,
    channel: `readings_${lane}`,
    log_id: LOG_ID,
    offset: String(offset),
    arrival_time: new Date(receivedAt).toISOString(),
    topic,
    message_id: `${LOG_ID}-${offset}`,
    content_type: 'application/json',
  }
}
