/**
 * Rounds with another connector, which is killed as well. What it has is read from its data directory
 * after the last of its lives.
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { exportMessages } from '../../../../src/channels/disk/doctor/export-messages.ts'
import type { ConfigInput } from '../../../../src/index.ts'
import { type Cleanup, freePort, serverDirectory } from '../../../support/servers/server-process.ts'
import { ProgramProcess } from '../../program-process.ts'
import type { PeerRow, RoundKind } from '../peer.ts'
import { identityIn } from './iot-analytics.ts'

const DEADLINE_MS = 10_000
const MAX_STARTS = 20
const RETRY_MS = 500

export const chainKind: RoundKind = {
  name: 'chain',
  skip: false,
  isExactlyOnce: true,
  async start(t, { main }) {
    const receiver = new Receiver(t, await freePort(), main)
    await receiver.start()
    return {
      port: receiver.port,
      entry: (port) => ({
        iotAnalytics: {
          endpoint: `http://127.0.0.1:${port}`,
          region: 'us-west-2',
          credentials: { anonymous: true },
          timeout: '1s',
          maxAttempts: 1,
        },
      }),
      rows: (channels) => receiver.rows(channels),
      crash: () => receiver.crash(),
    }
  },
}

class Receiver {
  readonly port: number
  readonly #directory: string
  readonly #main: string | undefined
  #program: ProgramProcess | undefined

  constructor(t: Cleanup, port: number, main: string | undefined) {
    t.after(() => this.#program?.kill())
    this.port = port
    this.#directory = serverDirectory(t, 'receiver')
    this.#main = main
  }

  async start(): Promise<void> {
    const { port } = this
    const config: ConfigInput = {
      connectorId: 'receiver',
      // Without a destination of its own it keeps all messages.
      parameters: { IotAnalyticsQueueSizePerChannel: '10000000', StatusReports: 'none' },
      sources: { batchPutMessage: {}, mqttServer: { port: 0 } },
      storage: { directory: join(this.#directory, 'data'), maxBytes: '4GB', historyBytes: '4GB' },
      http: { port },
      log: { level: 'silent' },
    }
    const options = { deadlineMs: DEADLINE_MS, syncMs: 0, ...(this.#main && { main: this.#main }) }
    for (let attempt = 1; ; attempt++) {
      const program = new ProgramProcess(options, config, join(this.#directory, 'receiver.yaml'))
      this.#program = program
      if ((await program.started) !== undefined) return
      // While it was down, a connection or a server of something else may have got its port.
      const isTaken = program.stderr.includes('it is in use')
      if (!isTaken || attempt === MAX_STARTS) {
        throw new Error(`the receiver did not start on port ${port}: ${program.stderr}`)
      }
      await delay(RETRY_MS)
    }
  }

  async crash(): Promise<void> {
    await this.#program?.kill()
    await this.start()
  }

  /** From here on it takes nothing more. */
  async rows(channels: readonly string[]): Promise<PeerRow[]> {
    await this.#program?.kill()
    const rows: PeerRow[] = []
    for (const channel of channels) {
      const directory = join(this.#directory, 'data')
      for await (const { messageId, payload } of exportMessages(directory, { channel })) {
        rows.push({ ...identityIn(messageId), payload: Buffer.from(payload) })
      }
    }
    return rows
  }
}
