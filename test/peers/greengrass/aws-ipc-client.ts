/** AWS's own client of the nucleus's IPC, from its device SDK, for the contract. */
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { eventstream_rpc, greengrasscoreipc, io } from 'aws-iot-device-sdk-v2'
import type {
  IpcClient,
  IpcUnderTest,
  Subscribed,
} from '../../contract/greengrass/ipc-under-test.ts'
import type { Content } from '../../support/greengrass/nucleus-server.ts'

type Client = greengrasscoreipc.Client
type Message = greengrasscoreipc.model.SubscriptionResponseMessage
const { QOS, ReceiveMode, ReportedLifecycleState, ConfigurationValidityStatus } =
  greengrasscoreipc.model

export const awsClient: IpcUnderTest = {
  name: "AWS's client",
  connect,
  isAnswer: (error) =>
    error instanceof eventstream_rpc.RpcError &&
    error.type === eventstream_rpc.RpcErrorType.ServiceError,
  takesEarlyEvents: false,
  settlesLostRequests: false,
}

async function connect(t: TestContext, socketPath: string, token: string): Promise<IpcClient> {
  const client = greengrasscoreipc.createClient({
    hostName: socketPath,
    port: 0,
    socketOptions: new io.SocketOptions(io.SocketType.STREAM, io.SocketDomain.LOCAL),
    connectTransform: async ({ message }) => ({
      ...message,
      payload: JSON.stringify({ authToken: token }),
    }),
  })
  t.after(() => client.close())
  const disconnected = once(client, 'disconnection').then(() => {})
  await client.connect()
  return {
    topics: topicsOf(client),
    cloud: cloudOf(client),
    configuration: configurationOf(client),
    async updateState(state) {
      await client.updateState({ state: ReportedLifecycleState[state] })
    },
    disconnected,
    close: () => client.close(),
  }
}

function topicsOf(client: Client): IpcClient['topics'] {
  return {
    async subscribe({ topic, receiveMode }, take) {
      const mode = receiveMode === undefined ? {} : { receiveMode: ReceiveMode[receiveMode] }
      const operation = client.subscribeToTopic({ topic, ...mode })
      operation.on('message', (message) => {
        const { jsonMessage, binaryMessage } = message
        const context = jsonMessage?.context ?? binaryMessage?.context
        take({ topic: context?.topic ?? '', content: contentOf(message) })
      })
      return activated(operation)
    },
    async publish(topic, content) {
      const publishMessage =
        'binary' in content
          ? { binaryMessage: { message: content.binary } }
          : { jsonMessage: { message: content.json } }
      await client.publishToTopic({ topic, publishMessage })
    },
  }
}

function contentOf({ jsonMessage, binaryMessage }: Message): Content {
  return binaryMessage === undefined
    ? { json: jsonMessage?.message }
    : { binary: bytesOf(binaryMessage.message) }
}

function cloudOf(client: Client): IpcClient['cloud'] {
  return {
    async subscribe(filter, take) {
      const operation = client.subscribeToIoTCore({
        topicName: filter,
        qos: QOS.AT_LEAST_ONCE,
      })
      operation.on('message', ({ message }) => {
        take(message?.topicName ?? '', bytesOf(message?.payload))
      })
      return activated(operation)
    },
    async publish(topic, payload) {
      await client.publishToIoTCore({ topicName: topic, qos: QOS.AT_LEAST_ONCE, payload })
    },
  }
}

function configurationOf(client: Client): IpcClient['configuration'] {
  return {
    async get({ keyPath, ...named }) {
      const answer = await client.getConfiguration({ keyPath: [...keyPath], ...named })
      return { componentName: answer.componentName ?? '', value: answer.value }
    },
    async subscribe({ keyPath, ...named }, take) {
      const request = { keyPath: [...keyPath], ...named }
      const operation = client.subscribeToConfigurationUpdate(request)
      operation.on('message', ({ configurationUpdateEvent }) => {
        take(configurationUpdateEvent?.keyPath ?? [])
      })
      return activated(operation)
    },
    async validate(take) {
      const operation = client.subscribeToValidateConfigurationUpdates({})
      operation.on('message', ({ validateConfigurationUpdateEvent: event }) => {
        take(event?.deploymentId ?? '', event?.configuration)
      })
      return activated(operation)
    },
    async report({ status, ...report }) {
      const configurationValidityReport = {
        ...report,
        status: ConfigurationValidityStatus[status],
      }
      await client.sendConfigurationValidityReport({ configurationValidityReport })
    },
  }
}

async function activated(operation: {
  activate(): Promise<unknown>
  close(): Promise<void>
}): Promise<Subscribed> {
  await operation.activate()
  return { close: () => operation.close() }
}

function bytesOf(payload: string | ArrayBuffer | ArrayBufferView | undefined): Buffer {
  if (payload === undefined) return Buffer.alloc(0)
  if (typeof payload === 'string') return Buffer.from(payload)
  return ArrayBuffer.isView(payload)
    ? Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    : Buffer.from(payload)
}
