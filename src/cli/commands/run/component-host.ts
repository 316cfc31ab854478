/**
 * `run --greengrass`: this process is a component of a Greengrass nucleus, which has its configuration
 * and may change it. The connection to the nucleus outlives the connectors that run one after the
 * other.
 */
import { systemClock } from '../../../clock.ts'
import { type ConnectorError, messageOf } from '../../../errors.ts'
import { Component } from '../../../greengrass/component/component.ts'
import { Nucleus } from '../../../sources/greengrass/nucleus.ts'

export interface ComponentHostOptions {
  readonly name: string
  readonly environment: NodeJS.ProcessEnv
  /** Throws if the connector could not use this configuration. */
  readonly validate: (value: unknown) => Promise<unknown>
  readonly onFailed: (error: ConnectorError) => void
}

export class ComponentHost {
  readonly nucleus: Nucleus
  readonly #component: Component
  /** A configuration that is not applied yet. */
  #changed: { readonly value: unknown } | undefined
  #lost: ConnectorError | undefined
  #wake: () => void = () => {}

  constructor({ name, environment, validate, onFailed }: ComponentHostOptions) {
    this.#component = new Component({
      name,
      clock: systemClock,
      onFailed,
      onChanged: (value) => {
        this.#changed = { value }
        this.#wake()
      },
      problemOf: (value) => validate(value).then(() => undefined, messageOf),
    })
    this.nucleus = new Nucleus({
      component: name,
      environment,
      clock: systemClock,
      random: Math.random,
      onConnected: (ipc, isLite) => this.#component.connected(ipc, isLite),
      onGaveUp: (error) => {
        this.#lost = error
        this.#wake()
      },
    })
  }

  /**
   * The configuration of the component.
   * @throws {ConnectorError} NucleusUnavailable
   */
  async open(): Promise<unknown> {
    await this.nucleus.start()
    return await this.#component.read(this.nucleus.ipc)
  }

  /**
   * The next configuration; undefined once `signal` is aborted.
   * @throws {ConnectorError} NucleusUnavailable when the nucleus is lost for good
   */
  async next(signal: AbortSignal): Promise<{ readonly value: unknown } | undefined> {
    while (!signal.aborted) {
      if (this.#lost !== undefined) throw this.#lost
      const changed = this.#changed
      this.#changed = undefined
      if (changed !== undefined) return changed
      await this.#woken(signal)
    }
    return undefined
  }

  running(): Promise<void> {
    return this.#component.report('RUNNING')
  }

  failed(): Promise<void> {
    return this.#component.report('ERRORED')
  }

  async close(): Promise<void> {
    this.#component.close()
    await this.nucleus.close()
  }

  async #woken(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }
}
