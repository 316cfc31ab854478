/** Deployments that ask a component whether it takes a new configuration. */
import { IpcError } from './ipc-error.ts'
import { isObject, type JsonObject } from './json-text.ts'

export interface ValidityReport {
  readonly status: string
  readonly message?: string
}

export class Validations {
  readonly #listeners = new Map<string, (event: JsonObject) => void>()
  readonly #pending = new Map<string, (report: ValidityReport) => void>()
  #deployments = 0

  /** One listener for each component: while it listens, others are ignored. */
  listen(component: string, listener: (event: JsonObject) => void): () => void {
    if (this.#listeners.has(component)) return () => {}
    this.#listeners.set(component, listener)
    return () => this.#listeners.delete(component)
  }

  /** Resolves with the component's report; a component that does not listen accepts. */
  propose(component: string, configuration: JsonObject): Promise<ValidityReport> {
    const listener = this.#listeners.get(component)
    if (listener === undefined) return Promise.resolve({ status: 'ACCEPTED' })
    const deploymentId = `deployment-${++this.#deployments}`
    return new Promise((resolve) => {
      this.#pending.set(deploymentId, resolve)
      listener({ validateConfigurationUpdateEvent: { configuration, deploymentId } })
    })
  }

  report(report: unknown): void {
    const { status, deploymentId, message } = isObject(report) ? report : {}
    const resolve = this.#pending.get(String(deploymentId))
    if (resolve === undefined || typeof status !== 'string') {
      throw new IpcError('InvalidArgumentsError', 'Validation request was never made')
    }
    this.#pending.delete(String(deploymentId))
    resolve(typeof message === 'string' ? { status, message } : { status })
  }

  drop(): void {
    this.#listeners.clear()
  }
}
