/**
 * The operations of a nucleus that the connector uses, with the shapes of AWS's model. Blobs are
 * base64 in JSON.
 */
import {
  type EventHandler,
  type IpcCaller,
  isJsonObject,
  type JsonObject,
  type Subscription,
} from './caller.ts'
import type { IpcError } from './ipc-error.ts'

/** A local message is bytes or JSON, as its publisher chose; the same topic brings both. */
export type Content = { readonly payload: Buffer } | { readonly json: unknown }

export type TopicMessage = Content & {
  /** Undefined from a classic nucleus before 2.6.0. */
  readonly topic: string | undefined
}

export interface IotCoreMessage {
  readonly topic: string
  readonly payload: Buffer
}

/** Neither callback may throw; `event` may be called before the subscription is confirmed. */
export interface Handler<Event> {
  readonly event: (event: Event) => void
  /** Called once, unless this side ends the subscription. */
  readonly ended: (error: IpcError) => void
}

export type Qos = 0 | 1

/** The caller's own messages come too: the classic nucleus otherwise hides them from wildcards. */
export function subscribeToTopic(
  ipc: IpcCaller,
  topic: string,
  handler: Handler<TopicMessage>,
): Promise<Subscription> {
  const payload = { topic, receiveMode: 'RECEIVE_ALL_MESSAGES' }
  return ipc.subscribe('SubscribeToTopic', payload, reading(topicMessageOf, handler))
}

/** Resolves when the nucleus has taken the message, whether or not anyone subscribes to it. */
export async function publishToTopic(
  ipc: IpcCaller,
  topic: string,
  content: Content,
): Promise<void> {
  const publishMessage =
    'payload' in content
      ? { binaryMessage: { message: content.payload.toString('base64') } }
      : { jsonMessage: { message: content.json } }
  await ipc.request('PublishToTopic', { topic, publishMessage })
}

export function subscribeToIotCore(
  ipc: IpcCaller,
  filter: string,
  qos: Qos,
  handler: Handler<IotCoreMessage>,
): Promise<Subscription> {
  const payload = { topicName: filter, qos: String(qos) }
  return ipc.subscribe('SubscribeToIoTCore', payload, reading(iotCoreMessageOf, handler))
}

/** Resolves when the message is in the nucleus's spooler. */
export async function publishToIotCore(
  ipc: IpcCaller,
  { topic, payload }: IotCoreMessage,
  qos: Qos,
): Promise<void> {
  const request = { topicName: topic, qos: String(qos), payload: payload.toString('base64') }
  await ipc.request('PublishToIoTCore', request)
}

export interface ConfigurationKey {
  /** Empty for the whole configuration. */
  readonly keyPath: readonly string[]
  /** This component if not given. */
  readonly componentName?: string
}

/**
 * The value as the nucleus sends it: a leaf comes as an object with its key. Numbers may be strings.
 * @throws {IpcError} ResourceNotFoundError if there is no such component or key
 */
export async function getConfiguration(ipc: IpcCaller, key: ConfigurationKey): Promise<unknown> {
  return (await ipc.request('GetConfiguration', { ...key }))['value']
}

/** Nucleus lite may report one change several times. The event does not contain the value. */
export function subscribeToConfigurationUpdate(
  ipc: IpcCaller,
  key: ConfigurationKey,
  handler: Handler<{ readonly keyPath: readonly string[] }>,
): Promise<Subscription> {
  const operation = 'SubscribeToConfigurationUpdate'
  return ipc.subscribe(operation, { ...key }, reading(configurationUpdateOf, handler))
}

export async function updateState(ipc: IpcCaller, state: 'RUNNING' | 'ERRORED'): Promise<void> {
  await ipc.request('UpdateState', { state })
}

export interface ConfigurationValidation {
  readonly deploymentId: string
  readonly configuration: JsonObject
}

/** The classic nucleus waits for a report on each event. Nucleus lite has no such operation. */
export function subscribeToValidateConfigurationUpdates(
  ipc: IpcCaller,
  handler: Handler<ConfigurationValidation>,
): Promise<Subscription> {
  const operation = 'SubscribeToValidateConfigurationUpdates'
  return ipc.subscribe(operation, {}, reading(configurationValidationOf, handler))
}

export interface ConfigurationValidityReport {
  readonly deploymentId: string
  readonly status: 'ACCEPTED' | 'REJECTED'
  readonly message?: string
}

export async function sendConfigurationValidityReport(
  ipc: IpcCaller,
  report: ConfigurationValidityReport,
): Promise<void> {
  const request = { configurationValidityReport: report }
  await ipc.request('SendConfigurationValidityReport', request)
}

function reading<Event>(
  read: (payload: JsonObject) => Event | undefined,
  handler: Handler<Event>,
): EventHandler {
  return {
    event(payload) {
      const event = read(payload)
      if (event !== undefined) handler.event(event)
      return event !== undefined
    },
    ended: handler.ended,
  }
}

function topicMessageOf({ jsonMessage, binaryMessage }: JsonObject): TopicMessage | undefined {
  if (isJsonObject(jsonMessage) && 'message' in jsonMessage) {
    return { topic: topicOf(jsonMessage), json: jsonMessage['message'] }
  }
  if (!isJsonObject(binaryMessage)) return undefined
  const payload = bytesOf(binaryMessage['message'])
  return payload && { topic: topicOf(binaryMessage), payload }
}

function topicOf({ context }: JsonObject): string | undefined {
  return isJsonObject(context) ? textOf(context['topic']) : undefined
}

/** An MQTT message without a payload may lack the field. */
function iotCoreMessageOf({ message }: JsonObject): IotCoreMessage | undefined {
  if (!isJsonObject(message)) return undefined
  const topic = textOf(message['topicName'])
  const payload = bytesOf(message['payload'] ?? '')
  return topic === undefined || payload === undefined ? undefined : { topic, payload }
}

function configurationUpdateOf(event: JsonObject): { keyPath: readonly string[] } | undefined {
  const update = event['configurationUpdateEvent']
  if (!isJsonObject(update) || !Array.isArray(update['keyPath'])) return undefined
  return { keyPath: update['keyPath'].map(String) }
}

function configurationValidationOf(event: JsonObject): ConfigurationValidation | undefined {
  const validation = event['validateConfigurationUpdateEvent']
  if (!isJsonObject(validation) || !isJsonObject(validation['configuration'])) return undefined
  const deploymentId = textOf(validation['deploymentId'])
  return deploymentId === undefined
    ? undefined
    : { deploymentId, configuration: validation['configuration'] }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function bytesOf(value: unknown): Buffer | undefined {
  return typeof value === 'string' ? Buffer.from(value, 'base64') : undefined
}
