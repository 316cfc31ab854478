/**
 * This process as a Greengrass component: reads its configuration, notices when a deployment changes
 * it, says whether a proposed one is valid, and reports its state.
 */
import type { Clock, Timer } from '../../clock.ts'
import { ConnectorError } from '../../errors.ts'
import type { IpcCaller } from '../ipc/caller.ts'
import {
  type ConfigurationValidation,
  getConfiguration,
  sendConfigurationValidityReport,
  subscribeToConfigurationUpdate,
  subscribeToValidateConfigurationUpdates,
  updateState,
} from '../ipc/operations.ts'

export type ComponentState = 'RUNNING' | 'ERRORED'

export interface ComponentOptions {
  readonly name: string
  readonly clock: Clock
  /** The configuration is another one than before. */
  readonly onChanged: (value: unknown) => void
  /** What is wrong with a configuration that a deployment proposes; undefined if it may go ahead. */
  readonly problemOf: (value: unknown) => Promise<string | undefined>
  /** Something that the nucleus should do does not work. Messages still come. */
  readonly onFailed: (error: ConnectorError) => void
}

/** One deployment may be reported several times, key by key. */
const SETTLED_AFTER_MS = 1_000
/** Events may fail to come: aws-greengrass/aws-greengrass-lite#1016. */
const READ_EVERY_MS = 60_000
/** Keys that the nucleus and the recipe's script read. */
const OF_OTHERS = ['accessControl', 'nodePath']

export class Component {
  readonly #options: ComponentOptions
  /** The configuration that is in use, as text. */
  #known: string | undefined
  #state: ComponentState | undefined
  /** Changes with each connection. */
  #ipc: IpcCaller | undefined
  /** Whether the state is reported on this connection: an ERRORED counts each time. */
  #isReported = false
  #timer: Timer | undefined

  constructor(options: ComponentOptions) {
    this.#options = options
  }

  /**
   * The whole configuration. From now on only another one counts as changed.
   * @throws {ConnectorError} NucleusUnavailable
   */
  async read(ipc: IpcCaller): Promise<unknown> {
    const { name } = this.#options
    const value = await this.#attempt(`reading the configuration of ${name}`, () => this.#get(ipc))
    this.#known = textOf(value)
    return value
  }

  /** Call it for each connection: the nucleus forgets everything with the one before. */
  connected(ipc: IpcCaller, isLite: boolean): void {
    this.#ipc = ipc
    this.#isReported = false
    void this.#watch(ipc, isLite)
  }

  async report(state: ComponentState): Promise<void> {
    this.#state = state
    const ipc = this.#ipc
    if (ipc === undefined) return
    this.#isReported = true
    await this.#tried('reporting the state', () => updateState(ipc, state))
  }

  close(): void {
    this.#timer?.cancel()
    this.#ipc = undefined
  }

  async #watch(ipc: IpcCaller, isLite: boolean): Promise<void> {
    const { name: componentName } = this.#options
    // A connection that ends is reported by itself.
    const ended = () => {}
    await this.#tried('subscribing to changes of the configuration', () =>
      subscribeToConfigurationUpdate(
        ipc,
        { componentName, keyPath: [] },
        { event: () => this.#readAfter(SETTLED_AFTER_MS), ended },
      ),
    )
    // Nucleus lite does not ask before it deploys.
    if (!isLite) {
      await this.#tried('subscribing to proposed configurations', () =>
        subscribeToValidateConfigurationUpdates(ipc, {
          event: (validation) => void this.#validate(ipc, validation),
          ended,
        }),
      )
    }
    if (this.#state !== undefined && !this.#isReported) await this.report(this.#state)
    // It may have changed while there was no connection, or no event came.
    await this.#readAgain()
  }

  #readAfter(ms: number): void {
    this.#timer?.cancel()
    this.#timer = this.#options.clock.after(ms, () => void this.#readAgain())
  }

  async #readAgain(): Promise<void> {
    const ipc = this.#ipc
    if (ipc === undefined || this.#known === undefined) return
    this.#readAfter(READ_EVERY_MS)
    await this.#tried('reading the configuration again', async () => {
      const value = await this.#get(ipc)
      const text = textOf(value)
      if (text === this.#known) return
      this.#known = text
      this.#options.onChanged(value)
    })
  }

  async #validate(ipc: IpcCaller, validation: ConfigurationValidation): Promise<void> {
    const { deploymentId, configuration } = validation
    const message = await this.#options.problemOf(configuration)
    const status = message === undefined ? 'ACCEPTED' : 'REJECTED'
    await this.#tried('answering for a proposed configuration', () =>
      sendConfigurationValidityReport(ipc, {
        deploymentId,
        status,
        ...(message === undefined ? {} : { message }),
      }),
    )
  }

  #get(ipc: IpcCaller): Promise<unknown> {
    return getConfiguration(ipc, { componentName: this.#options.name, keyPath: [] })
  }

  async #attempt<Result>(doing: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (thrown) {
      const text = thrown instanceof Error ? thrown.message : String(thrown)
      throw new ConnectorError('NucleusUnavailable', `${doing}: ${text}`, { cause: thrown })
    }
  }

  async #tried(doing: string, work: () => Promise<unknown>): Promise<void> {
    await this.#attempt(doing, work).catch((error: unknown) => {
      if (error instanceof ConnectorError) this.#options.onFailed(error)
    })
  }
}

function textOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? ''
  const own = Object.entries(value).filter(([key]) => !OF_OTHERS.includes(key))
  return JSON.stringify(own.sort(([one], [other]) => (one < other ? -1 : 1)))
}
