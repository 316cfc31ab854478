/**
 * A connector under attack, with polite clients beside the attacker:
 *
 *     test process ── attack ──▶ ┌─────────┐
 *                                │ program │ ──▶ RSS, CPU, log
 *     polite process ─ QoS 1 ──▶ └─────────┘
 *       measures acknowledgements
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { temporaryDirectory } from '../processes/running-connector.ts'
import { AttackedProgram } from './attacked-program.ts'
import type { Outcome } from './outcome.ts'
import type { PoliteOptions, PoliteReport } from './polite-report.ts'
import { rulesOfThePage } from './security-page.ts'
import { WireClient, type WireClientOptions } from './wire-client.ts'

export interface TargetOptions {
  /** The attacker and the polite clients are users under the rules of docs/security.md. */
  readonly hasRules: boolean
  /** Settings beside the defaults, as in the configuration file. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Further files beside the configuration, by name. */
  readonly files?: Readonly<Record<string, string>>
  /** A polite subscriber at QoS 1. */
  readonly hasSubscriber?: boolean
  /** The program is killed afterwards and started again on the same data. */
  readonly isRestarted?: boolean
  /** The polite clients have a user, although there are no rules. */
  readonly hasUsers?: boolean
}

/** Latencies are measured for at least this long. */
const MEASURED_MS = 600
const WARM_UP_MS = 300
/** Other programs of this machine may have been in the way: a longer attack is not waited for. */
const HTTP_WITHIN_MS = 10_000
export const POLITE_CHANNEL = 'polite_1'
const OWN_TOPIC = 'iotanalytics/channels/NAME/messages/put'

export interface HttpAnswer {
  readonly status: number
  readonly text: string
}

export class Target {
  readonly directory: string
  readonly #t: TestContext
  readonly #options: TargetOptions
  readonly #args: readonly string[]
  #program: AttackedProgram
  #polite: ChildProcess | undefined

  private constructor(
    t: TestContext,
    directory: string,
    options: TargetOptions,
    args: readonly string[],
    program: AttackedProgram,
  ) {
    this.#t = t
    this.directory = directory
    this.#options = options
    this.#args = args
    this.#program = program
  }

  static async start(t: TestContext, options: TargetOptions): Promise<Target> {
    const directory = await temporaryDirectory(t)
    const rules = options.hasRules || options.hasUsers === true ? rulesOfThePage(directory) : {}
    if (options.hasUsers === true) delete rules['acl']
    const { sources, ...rest } = { sources: {}, ...options.config }
    const mqttServer = { ...rules, ...(sources as { mqttServer?: object }).mqttServer }
    const config = { ...rest, sources: { ...sources, mqttServer } }
    writeFileSync(join(directory, 'connector.yaml'), JSON.stringify(config))
    for (const [name, text] of Object.entries(options.files ?? {})) {
      writeFileSync(join(directory, name), text)
    }
    const ports = ['sources.mqttServer.port=0', 'http.port=0']
    if ('tls' in mqttServer) ports.push('sources.mqttServer.tls.port=0')
    const settings = ports.flatMap((setting) => ['--set', setting])
    const args = ['--config', 'connector.yaml', '--data', 'data', ...settings]
    const program = await AttackedProgram.start(t, directory, args)
    const target = new Target(t, directory, options, args, program)
    await target.#startPolite()
    return target
  }

  get program(): AttackedProgram {
    return this.#program
  }

  get hasRules(): boolean {
    return this.#options.hasRules
  }

  /** The directory of the configuration and of all files. */
  pathOf(name: string): string {
    return join(this.directory, name)
  }

  /** A topic that the attacker may publish to, and that is a channel of its own. */
  get attackersTopic(): string {
    return OWN_TOPIC.replace('NAME', 'attacker_1')
  }

  /** The way in for a user of the page, or for anybody. */
  way(userName: string): WireClientOptions {
    const { hasRules, hasUsers } = this.#options
    if (!hasRules && hasUsers !== true) return { port: this.#program.portOf('mqtt') }
    const login = { userName, password: `password of ${userName}` }
    const caFile = join(this.directory, 'ca.crt')
    return { ...login, port: this.#program.portOf('mqtts'), caFile }
  }

  /** The same over plain TCP, which is quicker where many connections are needed. */
  plainWay(userName: string): WireClientOptions {
    return { ...this.way(userName), port: this.#program.portOf('mqtt'), caFile: undefined }
  }

  /** A connected client of the attacker's. */
  attacker(fields: Partial<WireClientOptions> = {}): Promise<WireClient> {
    return WireClient.connect(this.#attacker(fields))
  }

  /** The same, without a promise to be let in. */
  stranger(fields: Partial<WireClientOptions> = {}): Promise<WireClient> {
    return WireClient.try(this.#attacker(fields))
  }

  /** Clients of the attacker's, a few at a time; those that are not let in are left out. */
  async attackers(
    count: number,
    fields: (index: number) => Partial<WireClientOptions> = () => ({}),
  ): Promise<WireClient[]> {
    const clients: WireClient[] = []
    let next = 0
    const connectMore = async (): Promise<void> => {
      while (next < count && this.#program.isAlive) {
        const index = next++
        const client = await this.stranger({ clientId: `attacker-${index}`, ...fields(index) })
        if (client.isIn) clients.push(client)
        else client.drop()
      }
    }
    await Promise.all(Array.from({ length: 20 }, connectMore))
    return clients
  }

  /**
   * Sends packets one after another, as a new client whenever the server closes the connection.
   * `isPatient` waits for each PUBACK: the attack is not that there are many at once.
   */
  async flood(
    count: number,
    packetOf: (index: number) => Buffer,
    { isPatient = false }: { readonly isPatient?: boolean } = {},
  ): Promise<void> {
    let client = await this.stranger()
    for (let index = 0; index < count && this.#program.isAlive; index++) {
      if (client.isClosed) client = await this.stranger()
      const acknowledged = (client.received[4] ?? 0) + 1
      await client.send(packetOf(index))
      if (isPatient) await client.until(() => (client.received[4] ?? 0) >= acknowledged, 1_000)
    }
    await client.settled()
    client.drop()
  }

  /** A GET of the connector's HTTP server. */
  get(path: string, headers: Record<string, string> = {}): Promise<HttpAnswer> {
    const port = this.#program.portOf('http')
    return new Promise((resolve) => {
      const answered = (status: number, text: string): void => resolve({ status, text })
      const asked = request(
        { port, host: '127.0.0.1', path, headers, agent: false },
        (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (part: string) => {
            text += part
          })
          response.on('end', () => answered(response.statusCode ?? 0, text))
          response.on('error', () => answered(0, text))
        },
      )
      asked.setTimeout(HTTP_WITHIN_MS, () => asked.destroy())
      asked.on('error', (error) => answered(0, error.message))
      asked.end()
    })
  }

  /** Attacks, and reports what it did to the program and to the polite clients. */
  async under(attack: () => Promise<void>): Promise<Outcome> {
    const program = this.#program
    await setTimeout(WARM_UP_MS)
    const beforeMb = program.residentMb
    const beforeCpuS = program.cpuS
    const beforeBytes = program.outputBytes
    program.forgetPeak()
    this.#polite?.send('measure')
    const startMs = performance.now()

    await attack()

    const attackS = (performance.now() - startMs) / 1000
    await setTimeout(Math.max(0, startMs + MEASURED_MS - performance.now()))
    const peakRssMb = program.peakMb
    const cpuS = program.cpuS - beforeCpuS
    const polite = await this.#reportOfPolite()
    return {
      attackS,
      polite,
      peakRssMb,
      grownMb: peakRssMb - beforeMb,
      cpuS,
      loggedBytes: program.outputBytes - beforeBytes,
      isAlive: program.isAlive && (await this.get('/health/live')).status === 200,
      hasSubscriber: this.#options.hasSubscriber === true,
      receivedOfPolite: await this.#received(),
      ...(this.#options.isRestarted === true && (await this.#restarted())),
    }
  }

  /** Starts it again on the same data, after a crash. */
  async #restarted(): Promise<Pick<Outcome, 'restartS' | 'receivedAfterRestart'>> {
    await this.#program.kill()
    this.#program = await AttackedProgram.start(this.#t, this.directory, this.#args)
    return { restartS: this.#program.startS, receivedAfterRestart: await this.#received() }
  }

  /** What the ledger says that came in from the polite clients; -1 without an answer. */
  async #received(): Promise<number> {
    try {
      const { text } = await this.get('/ledger')
      const { channels } = JSON.parse(text) as { channels: { channel: string; received: number }[] }
      return channels.find(({ channel }) => channel === POLITE_CHANNEL)?.received ?? 0
    } catch {
      return -1
    }
  }

  async #startPolite(): Promise<void> {
    const topic = OWN_TOPIC.replace('NAME', POLITE_CHANNEL)
    const options: PoliteOptions = {
      serverPid: this.#program.pid,
      publisher: this.way(POLITE_CHANNEL),
      topic,
      reader: this.way('operator'),
      filter: this.#options.hasSubscriber === true ? topic : undefined,
    }
    const program = join(import.meta.dirname, 'polite-clients.js')
    const polite = fork(program, [JSON.stringify(options)])
    this.#t.after(() => polite.kill('SIGKILL'))
    const ready = await Promise.race([once(polite, 'message'), once(polite, 'exit')])
    if (ready[0] !== 'publishing') throw new Error('the polite clients were not let in')
    this.#polite = polite
  }

  async #reportOfPolite(): Promise<PoliteReport> {
    if (this.#polite === undefined) throw new Error('there are no polite clients')
    this.#polite.send('report')
    const [report] = (await once(this.#polite, 'message')) as [PoliteReport]
    return report
  }

  #attacker(fields: Partial<WireClientOptions>): WireClientOptions {
    return { ...this.way('attacker_1'), clientId: 'attacker', ...fields }
  }
}
