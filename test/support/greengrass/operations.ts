/** The operations of the nucleus that the test server has. */
import type { Character } from './character.ts'
import { IpcError } from './ipc-error.ts'
import { isObject, type JsonObject } from './json-text.ts'
import type { Nucleus } from './nucleus.ts'
import { isAllowed, type Service } from './policies.ts'
import type { Publication } from './subscriptions.ts'

/** One request on its stream. */
export interface Call {
  readonly nucleus: Nucleus
  readonly component: string
  /** Without its prefix. */
  readonly operation: string
  readonly request: JsonObject
  /** Sends an event of this shape; false when it cannot be sent. */
  send(shape: string, event: unknown): boolean
  /** Runs when the stream ends, on whichever side. */
  onEnd(release: () => void): void
}

export interface Operation {
  /** The stream stays open for events. */
  readonly streams?: boolean
  readonly onlyClassic?: boolean
  /** @throws IpcError to answer with an error */
  answer(call: Call): JsonObject
}

export const OPERATION_PREFIX = 'aws.greengrass#'
const LOCAL: Service = 'aws.greengrass.ipc.pubsub'
const CLOUD: Service = 'aws.greengrass.ipc.mqttproxy'

const OPERATIONS: Readonly<Record<string, Operation>> = {
  SubscribeToTopic: { streams: true, answer: subscribeToTopic },
  PublishToTopic: { answer: publishToTopic },
  SubscribeToIoTCore: { streams: true, answer: subscribeToIoTCore },
  PublishToIoTCore: { answer: publishToIoTCore },
  GetConfiguration: { answer: getConfiguration },
  SubscribeToConfigurationUpdate: { streams: true, answer: subscribeToConfigurationUpdate },
  UpdateState: { answer: updateState },
  SubscribeToValidateConfigurationUpdates: {
    streams: true,
    onlyClassic: true,
    answer: subscribeToValidateConfigurationUpdates,
  },
  SendConfigurationValidityReport: { onlyClassic: true, answer: sendConfigurationValidityReport },
}

export function operationOf(name: string, character: Character): Operation | undefined {
  const operation = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined
  return operation?.onlyClassic === true && !character.validatesConfiguration
    ? undefined
    : operation
}

function subscribeToTopic(call: Call): JsonObject {
  const filter = topicIn(call, 'topic')
  authorize(call, LOCAL, filter)
  const { receiveMode } = call.request
  const release = call.nucleus.subscriptions.add({
    bus: 'local',
    component: call.component,
    filter,
    receiveMode: typeof receiveMode === 'string' ? receiveMode : undefined,
    deliver: (event) => call.send('SubscriptionResponseMessage', event),
  })
  call.onEnd(release)
  return {}
}

function publishToTopic(call: Call): JsonObject {
  const topic = topicIn(call, 'topic')
  authorize(call, LOCAL, topic)
  const { publishMessage } = call.request
  const { component, nucleus } = call
  nucleus.subscriptions.publish(localPublication(nucleus, { component, topic, publishMessage }))
  return {}
}

/** @throws IpcError when the nucleus refuses the message */
export function localPublication(
  nucleus: Nucleus,
  message: { component: string; topic: string; publishMessage: unknown },
): Publication {
  const { component, topic, publishMessage } = message
  const { jsonMessage, binaryMessage } = isObject(publishMessage) ? publishMessage : {}
  const context = { topic }
  if (isObject(jsonMessage)) {
    const carried = nucleus.character.carried(jsonMessage['message'])
    const event = { jsonMessage: { message: carried, context } }
    const isUndeliverable = !nucleus.character.canDeliver(carried)
    return { bus: 'local', component, topic, event, isUndeliverable }
  }
  if (isObject(binaryMessage) && typeof binaryMessage['message'] === 'string') {
    const event = { binaryMessage: { message: binaryMessage['message'], context } }
    return { bus: 'local', component, topic, event }
  }
  throw new IpcError('InvalidArgumentsError', 'Expected a jsonMessage or a binaryMessage')
}

function subscribeToIoTCore(call: Call): JsonObject {
  const filter = topicIn(call, 'topicName')
  textIn(call, 'qos')
  authorize(call, CLOUD, filter)
  const release = call.nucleus.subscriptions.add({
    bus: 'cloud',
    component: call.component,
    filter,
    receiveMode: 'RECEIVE_ALL_MESSAGES',
    deliver: (event) => call.send('IoTCoreMessage', event),
  })
  call.onEnd(release)
  return {}
}

/** AWS IoT Core is a loop: what is published there comes back to subscribers. */
function publishToIoTCore(call: Call): JsonObject {
  const topic = topicIn(call, 'topicName')
  textIn(call, 'qos')
  authorize(call, CLOUD, topic)
  const { payload = '' } = call.request
  call.nucleus.subscriptions.publish(cloudPublication(topic, String(payload)))
  return {}
}

/** @param payload in base64 */
export function cloudPublication(topic: string, payload: string): Publication {
  const event = { message: { topicName: topic, payload } }
  return { bus: 'cloud', component: undefined, topic, event }
}

function getConfiguration(call: Call): JsonObject {
  const { component, keyPath } = configurationIn(call)
  const value = call.nucleus.configuration.getWrapped(component, keyPath)
  return { componentName: component, value }
}

function subscribeToConfigurationUpdate(call: Call): JsonObject {
  const { component, keyPath } = configurationIn(call)
  const changed = (at: readonly string[]) => {
    const configurationUpdateEvent = { componentName: component, keyPath: at }
    call.send('ConfigurationUpdateEvents', { configurationUpdateEvent })
  }
  call.onEnd(call.nucleus.configuration.listen({ component, keyPath, changed }))
  return {}
}

function updateState(call: Call): JsonObject {
  const state = textIn(call, 'state')
  if (state === 'RUNNING' || state === 'ERRORED') return {}
  throw new IpcError('InvalidArgumentsError', `Not a state: ${state}`)
}

function subscribeToValidateConfigurationUpdates(call: Call): JsonObject {
  const { nucleus, component } = call
  const listener = (event: JsonObject) => {
    call.send('ValidateConfigurationUpdateEvents', event)
  }
  call.onEnd(nucleus.validations.listen(component, listener))
  return {}
}

function sendConfigurationValidityReport({ nucleus, request }: Call): JsonObject {
  nucleus.validations.report(request['configurationValidityReport'])
  return {}
}

function authorize(call: Call, service: Service, resource: string): void {
  const { nucleus, component } = call
  const operation = OPERATION_PREFIX + call.operation
  const accessControl = nucleus.configuration.accessControlOf(component)
  const { maxPolicyBytes } = nucleus.character
  if (isAllowed(accessControl, { service, operation, resource }, maxPolicyBytes)) return
  const message = `Principal ${component} is not authorized to perform ${service}:${operation}`
  throw new IpcError('UnauthorizedError', `${message} on resource ${resource}`)
}

function textIn({ request }: Call, key: string): string {
  const value = request[key]
  if (typeof value === 'string' && value !== '') return value
  throw new IpcError('InvalidArgumentsError', `Expected a text in ${key}`)
}

function topicIn(call: Call, key: string): string {
  const topic = textIn(call, key)
  if (Buffer.byteLength(topic) > call.nucleus.character.maxTopicBytes) {
    throw new IpcError('ServiceError')
  }
  return topic
}

function configurationIn({ request, component }: Call): { component: string; keyPath: string[] } {
  const { componentName, keyPath } = request
  return {
    component: typeof componentName === 'string' ? componentName : component,
    keyPath: Array.isArray(keyPath) ? keyPath.map(String) : [],
  }
}
