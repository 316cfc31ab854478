/** Asks the operator's API, and holds every answer against the schema of its operation. */
import assert from 'node:assert/strict'
import type * as z from 'zod'
import { API, type Operation, operations } from '../../../src/http/api/operations.ts'

type Operations = typeof operations
type AnswerOf<Name extends keyof Operations> = z.infer<Operations[Name]['answer']>

export class OperatorAnswers {
  readonly #url: string
  readonly #token: string | undefined

  constructor(url: string, token?: string) {
    this.#url = url
    this.#token = token
  }

  /** The answer of a GET. `name` stands for the parameter of the path. */
  async get<Name extends keyof Operations>(
    name: Name,
    of = '',
    query = '',
  ): Promise<AnswerOf<Name>> {
    const operation: Operation = operations[name]
    const path = operation.path.replace(/\{\w+\}/, encodeURIComponent(of))
    const response = await fetch(`${this.#url}${API}/${path}${query}`, { headers: this.#headers })
    const text = await response.text()
    assert.equal(response.status, 200, `${path}: ${text}`)
    // The schema of this operation says what it yields.
    return parsed(operation, text) as AnswerOf<Name>
  }

  async post<Name extends keyof Operations>(
    name: Name,
    of: string,
    body: object,
  ): Promise<AnswerOf<Name>> {
    const operation: Operation = operations[name]
    const path = operation.path.replace(/\{\w+\}/, encodeURIComponent(of))
    const response = await fetch(`${this.#url}${API}/${path}`, {
      method: 'POST',
      headers: { ...this.#headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const text = await response.text()
    assert.equal(response.status, 200, `${path}: ${text}`)
    return parsed(operation, text) as AnswerOf<Name>
  }

  get #headers(): Record<string, string> {
    return this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }
  }
}

function parsed({ answer, answerIs, path }: Operation, text: string): unknown {
  const values = answerIs === 'lines' ? text.split('\n').slice(0, -1) : [text]
  let last: unknown
  for (const value of values) {
    const result = answer.safeParse(JSON.parse(value))
    assert.ok(result.success, `${path}: ${result.error?.message} in ${value}`)
    last = result.data
  }
  return last
}
