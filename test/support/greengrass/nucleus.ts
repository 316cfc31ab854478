/** What a nucleus knows: its components, their tokens and configurations, and who listens. */
import { randomBytes } from 'node:crypto'
import type { Character } from './character.ts'
import { Configuration } from './configuration.ts'
import { isObject, type JsonObject } from './json-text.ts'
import { Subscriptions } from './subscriptions.ts'
import { Validations } from './validations.ts'

export interface Login {
  readonly component: string
  /** Set when the component has logged in with its name. */
  readonly newToken?: string
}

export interface LoginAttempt {
  /** What the client presented: a token, a name, or something else. */
  readonly payload: unknown
  readonly isAccepted: boolean
}

export interface AnsweredRequest {
  readonly component: string
  /** Without its prefix: `PublishToTopic`. */
  readonly operation: string
  readonly request: JsonObject
}

export class Nucleus {
  readonly character: Character
  readonly configuration: Configuration
  readonly subscriptions: Subscriptions
  readonly validations = new Validations()
  /** The requests that were carried out, in order of arrival. */
  readonly requests: AnsweredRequest[] = []
  readonly logins: LoginAttempt[] = []
  readonly #components = new Set<string>()
  readonly #tokens = new Map<string, string>()

  constructor(character: Character) {
    this.character = character
    this.configuration = new Configuration(character)
    this.subscriptions = new Subscriptions(character)
  }

  addComponent(component: string, configuration: JsonObject): void {
    this.#components.add(component)
    this.configuration.set(component, [], configuration)
  }

  /** The token of a component; made when there is none. */
  tokenOf(component: string): string {
    const token = this.#tokens.get(component) ?? randomBytes(12).toString('base64')
    this.#tokens.set(component, token)
    return token
  }

  forgetTokens(): void {
    this.#tokens.clear()
  }

  /** Ends all that belongs to connections. */
  disconnect(): void {
    this.subscriptions.drop()
    this.configuration.dropListeners()
    this.validations.drop()
  }

  /** Returns nothing when it refuses. A real nucleus checks a name by the client's process. */
  login(payload: unknown): Login | undefined {
    const login = this.#loginOf(payload)
    this.logins.push({ payload, isAccepted: login !== undefined })
    return login
  }

  #loginOf(payload: unknown): Login | undefined {
    if (!isObject(payload)) return undefined
    const { authToken, componentName } = payload
    if (authToken === undefined) return this.#loginByName(componentName)
    const [component] = [...this.#tokens].find(([, token]) => token === authToken) ?? []
    if (component === undefined) return undefined
    if (componentName !== undefined && componentName !== component) return undefined
    return { component }
  }

  #loginByName(name: unknown): Login | undefined {
    if (!this.character.takesNames || typeof name !== 'string') return undefined
    return this.#components.has(name)
      ? { component: name, newToken: this.tokenOf(name) }
      : undefined
  }
}
