/** The operations of the API of AWS IoT Analytics that `apply` needs, at the running connector. */
import type { Command } from 'commander'
import type { ResourceKind } from '../../../analytics/resources/arn.ts'
import type { Tag } from '../../../analytics/resources/tags.ts'
import { readSecrets } from '../../../aws-server/secrets.ts'
import {
  type AwsIdentity,
  RequestSignature,
  sha256Hex,
} from '../../../destinations/aws/signature.ts'
import { ConnectorError } from '../../../errors.ts'
import { printable } from '../../../shown-text.ts'
import { givenUrl } from '../../connector-address.ts'
import { type ConnectorClient, openConnectorClient } from '../../connector-client.ts'
import type { ConnectorFlags } from '../../connector-flags.ts'
import type { CliContext } from '../../context.ts'
import { usageError } from '../../exit-code.ts'
import { loadConfigOf } from '../../global-flags.ts'
import { createInput, isObject } from './api-shapes.ts'
import type { Members } from './definition.ts'

const SETTING = 'analytics.api'
const ERROR_HEADER = 'x-amzn-errortype'

/** A resource as the connector has it. */
export interface CurrentResource {
  readonly members: Members
  readonly arn: string
}

/** The client for `--url`, or for the connector that runs with the configuration. */
export async function openAnalyticsClient(
  flags: ConnectorFlags,
  command: Command,
  context: CliContext,
): Promise<AnalyticsClient> {
  const connector = await openConnectorClient(flags, command, context)
  if (givenUrl(flags, context) !== undefined)
    return new AnalyticsClient(connector, givenIdentity(context))
  const { config } = await loadConfigOf(command, context)
  const { api } = config.analytics
  if (api === undefined) {
    throw usageError(
      `the configuration has no ${SETTING}, so the connector has no API to apply definitions to; add: analytics: { api: {} }`,
    )
  }
  const secrets = await readSecrets(api.credentials, `${SETTING}.credentials`)
  const [[accessKeyId, secretAccessKey] = []] = secrets
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    return new AnalyticsClient(connector, undefined)
  }
  return new AnalyticsClient(connector, { accessKeyId, secretAccessKey })
}

/** Of the environment, as AWS's tools have it; not those of this machine's configuration. */
function givenIdentity({ process: { env } }: CliContext): AwsIdentity | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined
  return { accessKeyId, secretAccessKey, sessionToken: env['AWS_SESSION_TOKEN'] }
}

export class AnalyticsClient {
  readonly #connector: ConnectorClient
  readonly #identity: AwsIdentity | undefined
  readonly #signature = new RequestSignature('iotanalytics', 'us-east-1')

  constructor(connector: ConnectorClient, identity: AwsIdentity | undefined) {
    this.#connector = connector
    this.#identity = identity
  }

  /** Undefined if there is none. */
  async describe(kind: ResourceKind, name: string): Promise<CurrentResource | undefined> {
    const answer = await this.#call('GET', `/${kind}s/${name}`)
    if (answer === undefined) return undefined
    const described = answer[kind]
    if (!isObject(described)) throw this.#connector.unexpectedAnswer('something else than the API')
    const { [`${kind}Name`]: _name, ...members } = createInput(kind, described)
    return { members, arn: String(described['arn']) }
  }

  async tagsOf(arn: string): Promise<readonly Tag[]> {
    const { tags = [] } = (await this.#call('GET', '/tags', `resourceArn=${encoded(arn)}`)) ?? {}
    return Array.isArray(tags) ? tags : []
  }

  async create(kind: ResourceKind, name: string, members: Members, tags: readonly Tag[]) {
    const input = { [`${kind}Name`]: name, ...members, ...(tags.length > 0 && { tags }) }
    await this.#call('POST', `/${kind}s`, '', input)
  }

  async update(kind: ResourceKind, name: string, members: Members): Promise<void> {
    await this.#call('PUT', `/${kind}s/${name}`, '', members)
  }

  /** Makes `after` of the tags `before`. */
  async changeTags(arn: string, before: readonly Tag[], after: readonly Tag[]): Promise<void> {
    const kept = new Set(after.map(({ key }) => key))
    const gone = before.map(({ key }) => key).filter((key) => !kept.has(key))
    const target = `resourceArn=${encoded(arn)}`
    if (gone.length > 0) {
      const keys = gone.map((key) => `&tagKeys=${encoded(key)}`).sort()
      await this.#call('DELETE', '/tags', `${target}${keys.join('')}`)
    }
    if (after.length > 0) await this.#call('POST', '/tags', target, { tags: after })
  }

  /**
   * Undefined for what is not there.
   * @param query sorted by name
   * @throws {ConnectorError} BrokerUnavailable
   */
  async #call(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    query = '',
    input?: object,
  ): Promise<Members | undefined> {
    const body = input === undefined ? '' : JSON.stringify(input)
    const headers = this.#headers({ method, path, query, body })
    const target = query === '' ? path : `${path}?${query}`
    const request = { method, headers, ...(body !== '' && { body }) }
    const answer = await this.#connector.exchange(target, request)
    const text = await answer.text()
    const error = answer.headers.get(ERROR_HEADER)
    if (answer.ok) return parsed(text)
    if (answer.status === 404 && error === 'ResourceNotFoundException' && method === 'GET') {
      return undefined
    }
    throw this.#failure(answer.status, error, text)
  }

  #headers(request: { method: string; path: string; query: string; body: string }) {
    const { method, path, query, body } = request
    const plain = body === '' ? {} : { 'content-type': 'application/json' }
    if (this.#identity === undefined) return plain
    const time = this.#signature.timestamp(Date.now())
    const { sessionToken } = this.#identity
    const signed: Record<string, string> = {
      ...plain,
      host: new URL(this.#connector.url).host,
      'x-amz-date': time,
      ...(sessionToken !== undefined && { 'x-amz-security-token': sessionToken }),
    }
    const names = Object.keys(signed).sort()
    const headers = names.flatMap((name) => [name, signed[name] ?? ''])
    const parts = { method, path, query, headers, names: names.join(';') }
    const contentSha256 = sha256Hex(body)
    const authorization = this.#signature.authorization(
      { ...parts, contentSha256 },
      this.#identity,
      time,
    )
    return { ...signed, authorization }
  }

  #failure(status: number, error: string | null, text: string): ConnectorError {
    if (error === null && status === 404) {
      return this.#connector.unexpectedAnswer(
        `404: it has no API of AWS IoT Analytics. Set ${SETTING} in its configuration`,
      )
    }
    const { message = '' } = parsed(text)
    const said = printable(String(message)) || printable(text.slice(0, 200).trim())
    const advice = status === 401 || status === 403 ? this.#accessAdvice() : ''
    const name = error ?? String(status)
    const where = this.#connector.place
    return new ConnectorError('BrokerUnavailable', `${name} from ${where}: ${said}${advice}`)
  }

  #accessAdvice(): string {
    if (this.#identity !== undefined) return ''
    return `. The keys are those of ${SETTING}.credentials in the configuration (--config), or with --url AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`
  }
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function parsed(text: string): Members {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : {}
  } catch {
    return {}
  }
}
