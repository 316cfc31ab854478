/** Parquet objects of two channels and two days in S3, stored by a connector, and their readers. */
import { join } from 'node:path'
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { type Connector, createConnector } from '../../../src/index.ts'
import { type Reader, read } from '../processes/readers.ts'
import { MOTO_CREDENTIALS, MOTO_REGION, startMoto } from '../servers/moto.ts'
import { type Cleanup, serverDirectory } from '../servers/server-process.ts'
import { ShiftedClock } from '../shifted-clock.ts'
import { until } from '../until.ts'

export const BUCKET = 'plant-3-telemetry'
export const FOLDER = `s3://${BUCKET}/raw/plant-3`
const DAYS = ['2026-11-05', '2026-11-06'] as const
const DAY_MS = 86_400_000
/** The second name is longer than what some writers keep of it in statistics. */
const CHANNELS = ['boiler', 'pressure_in_the_second_line_of_the_north_hall'] as const
/** By channel and day. */
const MESSAGES = 250
const MESSAGES_PER_OBJECT = 100

/** One line of what the scripts print. */
export interface Day {
  readonly channel: string
  readonly dt: string
  readonly messages: number
  /** By connector, log and offset. */
  readonly different: number
  readonly first_offset: number
  readonly last_offset: number
  readonly temperature: number
  readonly first_arrival: string
}

/** What devices send: most is JSON, and the second day has a new member. */
function payloadOf(index: number, day: number): Buffer {
  if (index === 7) return Buffer.from('plain text')
  if (index === 8) return Buffer.from([0xff, 0x00, 0x01])
  if (index === 9) return Buffer.from('{"temperature":"hot","on":1}')
  const members = { temperature: 20 + index / 4, on: index % 2 === 0, unit: '°C' }
  const more = day === 0 ? {} : { humidity: index / 2 }
  return Buffer.from(JSON.stringify({ ...members, ...more }))
}

/** What the scripts print when both days are there. */
export function expectedDays(): Day[] {
  return CHANNELS.flatMap((channel) =>
    DAYS.map((dt, day) => ({
      channel,
      dt,
      messages: MESSAGES,
      different: MESSAGES,
      first_offset: day * MESSAGES,
      last_offset: day * MESSAGES + MESSAGES - 1,
      temperature: Array.from({ length: MESSAGES }, (_, index) =>
        index >= 7 && index <= 9 ? 0 : 20 + index / 4,
      ).reduce((sum, value) => sum + value, 0),
      // The hour, in UTC.
      first_arrival: `${dt} 12`,
    })),
  )
}

function parsedDays(text: string): Day[] {
  const [head = '', ...lines] = text.trim().split(/\r?\n/)
  const cellsOf = (line: string) => line.split(',').map((cell) => cell.replace(/^"(.*)"$/, '$1'))
  const names = cellsOf(head)
  return lines.map((line) => {
    const entries = cellsOf(line).map((cell, index) => {
      const name = names[index] ?? ''
      if (name === 'first_arrival') return [name, cell.slice(0, 13)]
      return [name, name === 'channel' || name === 'dt' ? cell : Number(cell)]
    })
    return Object.fromEntries(entries) as Day
  })
}

export class Lake {
  readonly directory: string
  /** Where S3 is, for the scripts. */
  readonly url: string
  readonly #t: Cleanup
  readonly #sdk: S3Client
  readonly #connector: Connector
  readonly #clock: ShiftedClock
  #secondDay: Promise<void> | undefined

  private constructor(t: Cleanup, url: string) {
    this.#t = t
    this.url = url
    this.directory = serverDirectory(t, 'lake')
    this.#sdk = new S3Client({
      endpoint: url,
      region: MOTO_REGION,
      // The client adds to the object.
      credentials: { ...MOTO_CREDENTIALS },
      forcePathStyle: true,
    })
    this.#clock = new ShiftedClock()
    this.#clock.shift(Date.parse(`${DAYS[0]}T12:00:00Z`) - this.#clock.now())
    const s3 = {
      bucket: BUCKET,
      region: MOTO_REGION,
      prefix: 'raw/plant-3',
      format: 'parquet',
      columns: 'auto',
      endpoint: url,
      credentials: MOTO_CREDENTIALS,
    } as const
    const config = {
      storage: { directory: join(this.directory, 'data') },
      sources: { mqttServer: { port: 0 } },
      http: false,
      log: { level: 'silent' },
      destinations: [{ s3, batch: { messages: MESSAGES_PER_OBJECT, interval: '200ms' } }],
    } as const
    this.#connector = createConnector(config, { clock: this.#clock })
    t.after(() => this.#connector.stop({ deadlineMs: 0 }))
    t.after(() => this.#sdk.destroy())
  }

  /** With the messages of the first day. */
  static async start(t: Cleanup): Promise<Lake> {
    const moto = await startMoto(t)
    const lake = new Lake(t, moto.url)
    await lake.#sdk.send(new CreateBucketCommand({ Bucket: BUCKET }))
    await lake.#connector.start()
    await lake.#publishDay(0)
    return lake
  }

  addSecondDay(): Promise<void> {
    if (this.#secondDay !== undefined) return this.#secondDay
    this.#clock.shift(DAY_MS)
    this.#secondDay = this.#publishDay(1)
    return this.#secondDay
  }

  async objectCount(): Promise<number> {
    const list = new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'raw/' })
    return (await this.#sdk.send(list)).KeyCount ?? 0
  }

  /** Runs a script of examples/scale-out/lake, and returns what it prints. */
  run({ script, env, ...more }: Reader): Promise<string> {
    const environment = {
      AWS_ENDPOINT_URL: this.url,
      AWS_REGION: MOTO_REGION,
      AWS_DEFAULT_REGION: MOTO_REGION,
      AWS_ACCESS_KEY_ID: MOTO_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: MOTO_CREDENTIALS.secretAccessKey,
    }
    return read(this.#t, { ...more, script: join('lake', script), env: { ...environment, ...env } })
  }

  /** Runs a script that counts. */
  async days(reader: Reader): Promise<Day[]> {
    return parsedDays(await this.run(reader))
  }

  async #publishDay(day: number): Promise<void> {
    const published: Promise<unknown>[] = []
    for (let index = 0; index < MESSAGES; index++) {
      for (const channel of CHANNELS) {
        published.push(this.#connector.publish(channel, payloadOf(index, day)))
      }
    }
    await Promise.all(published)
    await until('all messages are stored', () =>
      this.#connector.ledger().every(({ waiting, inFlight }) => waiting + inFlight === 0),
    )
  }
}
