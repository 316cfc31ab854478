/** Our client passes the contract of clients of the nucleus's IPC, as AWS's own client does. */
import type { TestContext } from 'node:test'
import { systemClock } from '../../../../src/clock.ts'
import type { IpcCaller, JsonObject, Subscription } from '../../../../src/greengrass/ipc/caller.ts'
import { IpcClient } from '../../../../src/greengrass/ipc/client.ts'
import { IpcError } from '../../../../src/greengrass/ipc/ipc-error.ts'
import {
  getConfiguration,
  publishToIotCore,
  publishToTopic,
  sendConfigurationValidityReport,
  subscribeToConfigurationUpdate,
  subscribeToIotCore,
  subscribeToTopic,
  subscribeToValidateConfigurationUpdates,
  updateState,
} from '../../../../src/greengrass/ipc/operations.ts'
import { testIpcClient } from '../../../contract/greengrass/ipc.contract.ts'
import type * as contract from '../../../contract/greengrass/ipc-under-test.ts'

const ended = () => {}

testIpcClient({
  name: 'our client',
  connect,
  isAnswer: (error) => error instanceof IpcError && error.isAnswer,
  codeOf: (error) => (error instanceof IpcError ? error.code : undefined),
  takesEarlyEvents: true,
  settlesLostRequests: true,
})

/** One connection: the client is stopped where it would connect again. */
async function connect(
  t: TestContext,
  socketPath: string,
  authToken: string,
): Promise<contract.IpcClient> {
  let isOver = () => {}
  const disconnected = new Promise<void>((resolve) => {
    isOver = resolve
  })
  const end = () => {
    client.abort()
    isOver()
  }
  const client = new IpcClient({
    socketPath,
    authToken,
    clock: systemClock,
    random: () => 0,
    events: {
      connected() {},
      disconnected: end,
      attemptFailed: end,
      tokenChanged() {},
      dropped: (reason) => t.diagnostic(`dropped a frame: ${reason}`),
      gaveUp: end,
    },
  })
  t.after(end)
  await client.start()
  return {
    topics: topicsOf(client),
    cloud: cloudOf(client),
    configuration: configurationOf(client),
    updateState: (state) => updateState(client, state),
    disconnected,
    async close() {
      await client.stop()
      isOver()
    },
  }
}

function topicsOf(client: IpcClient): contract.IpcClient['topics'] {
  return {
    async subscribe({ topic, receiveMode }, take) {
      const mode = receiveMode === undefined ? {} : { receiveMode }
      const caller = withPayload(client, { topic, ...mode })
      return closing(
        await subscribeToTopic(caller, topic, {
          event: (message) =>
            take({
              topic: message.topic ?? '',
              content: 'payload' in message ? { binary: message.payload } : { json: message.json },
            }),
          ended,
        }),
      )
    },
    publish: (topic, content) =>
      publishToTopic(client, topic, 'binary' in content ? { payload: content.binary } : content),
  }
}

function cloudOf(client: IpcClient): contract.IpcClient['cloud'] {
  return {
    async subscribe(filter, take) {
      const event = ({ topic, payload }: { topic: string; payload: Buffer }) => take(topic, payload)
      return closing(await subscribeToIotCore(client, filter, 1, { event, ended }))
    },
    publish: (topic, payload) => publishToIotCore(client, { topic, payload }, 1),
  }
}

function configurationOf(client: IpcClient): contract.IpcClient['configuration'] {
  return {
    async get(key) {
      let componentName = ''
      const caller: IpcCaller = {
        async request(operation, payload) {
          const answer = await client.request(operation, payload)
          componentName = String(answer['componentName'])
          return answer
        },
        subscribe: (...call) => client.subscribe(...call),
      }
      return { value: await getConfiguration(caller, key), componentName }
    },
    async subscribe(key, take) {
      const event = ({ keyPath }: contract.ConfigurationKey) => take(keyPath)
      return closing(await subscribeToConfigurationUpdate(client, key, { event, ended }))
    },
    async validate(take) {
      return closing(
        await subscribeToValidateConfigurationUpdates(client, {
          event: ({ deploymentId, configuration }) => take(deploymentId, configuration),
          ended,
        }),
      )
    },
    report: (report) => sendConfigurationValidityReport(client, report),
  }
}

/** The operations always ask for all messages, and the cases for other modes too. */
function withPayload(client: IpcClient, payload: JsonObject): IpcCaller {
  return {
    request: (...call) => client.request(...call),
    subscribe: (operation, _, handler) => client.subscribe(operation, payload, handler),
  }
}

function closing(subscription: Subscription): contract.Subscribed {
  return { close: async () => subscription.close() }
}
