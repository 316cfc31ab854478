/** Starts an MqttServer on a free port, which is closed after the test. */
import type { TestContext } from 'node:test'
import type { z } from 'zod'
import { type Clock, systemClock } from '../../../src/clock.ts'
import { type PipelineObserver, silentObserver } from '../../../src/observer.ts'
import type { MqttLimits } from '../../../src/sources/mqtt-server/limits/limits.ts'
import { MqttServer } from '../../../src/sources/mqtt-server/mqtt-server.ts'
import { mqttServerOptions } from '../../../src/sources/mqtt-server/options.ts'
import type { SessionStore } from '../../../src/sources/mqtt-server/sessions/store/session-store.ts'
import { type ConnectFields, connectPacket, MqttWire } from './mqtt-wire.ts'
import { RecordingIntake } from './recording-intake.ts'

export const STATUS_TOPIC = 'iotanalytics/messages/put/status'

export interface ServerParts {
  readonly intake?: RecordingIntake
  readonly observer?: Partial<PipelineObserver>
  readonly clock?: Clock
  readonly limits?: Partial<MqttLimits>
  /** Override the defaults, which include a free port. */
  readonly options?: z.input<typeof mqttServerOptions>
  readonly store?: SessionStore
}

export interface ServerUnderTest {
  readonly server: MqttServer
  readonly intake: RecordingIntake
  readonly port: number
  /** A client that has sent CONNECT and received CONNACK. */
  client(fields?: ConnectFields): Promise<MqttWire>
  /** A client that has sent nothing yet. */
  wire(): Promise<MqttWire>
}

export async function startServer(
  t: TestContext,
  parts: ServerParts = {},
): Promise<ServerUnderTest> {
  const intake = parts.intake ?? new RecordingIntake({ commitsAtOnce: true })
  const server = new MqttServer({
    options: mqttServerOptions.parse({ port: 0, ...parts.options }),
    observer: { ...silentObserver, ...parts.observer },
    clock: parts.clock ?? systemClock,
    protectedTopics: [STATUS_TOPIC],
    ...(parts.limits !== undefined && { limits: parts.limits }),
    store: parts.store,
  })
  await server.start(intake)
  t.after(() => server.close())
  const { port } = server
  const wire = () => MqttWire.open(t, port)
  return {
    server,
    intake,
    port,
    wire,
    async client(fields) {
      const client = await wire()
      client.send(connectPacket(fields))
      const connack = await client.next()
      if (connack === undefined || connack[3] !== 0) {
        throw new Error(`not admitted: ${connack?.toString('hex') ?? 'closed'}`)
      }
      return client
    },
  }
}
