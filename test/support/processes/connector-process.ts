/** `run` as a process of its own, for tests that kill it, signal it or start it twice. */
import type { TestContext } from 'node:test'
import { FAKE_IDENTITY, type FakeIotAnalytics } from '../destinations/fake-iot-analytics.ts'
import { type CommandOptions, type Finished, RunningCommand } from './command-line.ts'

const QUIETLY: readonly string[] = ['--banner', '--log-level', 'silent']
const HTTP: readonly string[] = ['--set', 'http.port=0']
const MQTT_SERVER: readonly string[] = ['--set', 'sources.mqttServer.port=0']

export interface ConnectorProcessOptions extends CommandOptions {
  /** False: messages come from another source. */
  readonly withMqttServer?: boolean
  /** False: the configuration says where HTTP is, or that there is none. */
  readonly withHttp?: boolean
}

/** `--set` arguments for a fake endpoint; without a region `PublishRegion` decides. */
export function sendingTo(api: FakeIotAnalytics, region?: string): readonly string[] {
  const { accessKeyId, secretAccessKey } = FAKE_IDENTITY
  const settings = [
    `endpoint=${api.url}`,
    ...(region === undefined ? [] : [`region=${region}`]),
    `credentials.accessKeyId=${accessKeyId}`,
    `credentials.secretAccessKey=${secretAccessKey}`,
  ]
  return settings.flatMap((setting) => ['--set', `destinations[0].iotAnalytics.${setting}`])
}

export class ConnectorProcess {
  readonly command: RunningCommand

  constructor(t: TestContext, args: readonly string[], options: ConnectorProcessOptions = {}) {
    const { withMqttServer = true, withHttp = true, ...rest } = options
    const always = [...QUIETLY, ...(withMqttServer ? MQTT_SERVER : []), ...(withHttp ? HTTP : [])]
    this.command = new RunningCommand(t, ['run', ...always, ...args], rest)
  }

  /** Resolves when messages can come in. */
  async started(): Promise<this> {
    await this.command.says(/Ctrl-C stops it gracefully/)
    return this
  }

  get mqttUrl(): string {
    return this.#address(/^ {2}listens on +(mqtt:\S+)/m)
  }

  get httpUrl(): string {
    return this.#address(/^ {2}http +(http:\S+)/m)
  }

  signal(name: NodeJS.Signals): void {
    this.command.child.kill(name)
  }

  ends(): Promise<Finished> {
    return this.command.ends()
  }

  /** Ends it with SIGKILL. */
  async crash(): Promise<void> {
    this.signal('SIGKILL')
    await this.ends()
  }

  #address(pattern: RegExp): string {
    const address = pattern.exec(this.command.stdout)?.[1]
    if (address === undefined) throw new Error(`no address in: ${this.command.stdout}`)
    return address
  }
}
