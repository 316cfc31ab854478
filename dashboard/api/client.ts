/** Requests to the operator's API. Addresses are relative, so any path prefix works. */

import { signal } from '@preact/signals'
import type { Failure } from '../../src/http/api/shapes/session.ts'

/** What the connector said, in its own sentence; or that it did not answer. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, { error, message }: Failure) {
    super(message)
    this.status = status
    this.code = error
  }
}

/** True after an answer that asks for a login. */
export const needsLogin = signal(false)

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined
}

export async function getJson<Answer>(path: string, options?: RequestOptions): Promise<Answer> {
  return read(await request(path, { method: 'GET' }, options))
}

export async function postJson<Answer>(
  path: string,
  body: unknown,
  options?: RequestOptions,
): Promise<Answer> {
  const headers = { 'content-type': 'application/json' }
  return read(await request(path, { method: 'POST', headers, body: JSON.stringify(body) }, options))
}

export async function deleteOf(path: string, options?: RequestOptions): Promise<void> {
  await request(path, { method: 'DELETE' }, options)
}

/**
 * The answer, for those who read it piece by piece.
 * @throws {ApiError} what the connector answered, `NoAnswer`, or the reason that `signal` gives.
 */
export async function request(
  path: string,
  init: RequestInit,
  { signal }: RequestOptions = {},
): Promise<Response> {
  let response: Response
  try {
    response = await fetch(`api/v1/${path}`, { ...init, signal: signal ?? null })
  } catch (thrown) {
    signal?.throwIfAborted()
    throw new ApiError(0, {
      error: 'NoAnswer',
      message: `The connector did not answer (${reasonOf(thrown)}). Is it running, and is the network up?`,
    })
  }
  if (response.ok) return response
  if (response.status === 401) needsLogin.value = true
  throw new ApiError(response.status, await failureOf(response))
}

async function read<Answer>(response: Response): Promise<Answer> {
  try {
    return await response.json()
  } catch (thrown) {
    throw new ApiError(response.status, {
      error: 'UnreadableAnswer',
      message: `The answer could not be read (${reasonOf(thrown)}). Is there a proxy that changes it?`,
    })
  }
}

/** A proxy in between answers errors in its own form. */
async function failureOf(response: Response): Promise<Failure> {
  try {
    const { error, message } = await response.json()
    if (typeof error === 'string' && typeof message === 'string') return { error, message }
  } catch {
    // Not JSON: see below.
  }
  const message = `The answer was ${response.status} ${response.statusText}, and not from the connector.`
  return { error: 'UnknownAnswer', message: `${message} Is there a proxy in between?` }
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
