/** The operations of the IPC client in the form that the bus needs, and their errors in our words. */
import { ConnectorError } from '../../errors.ts'
import type { IpcCaller } from '../../greengrass/ipc/caller.ts'
import { IpcError } from '../../greengrass/ipc/ipc-error.ts'
import {
  publishToIotCore,
  publishToTopic,
  subscribeToIotCore,
  subscribeToTopic,
  type TopicMessage,
} from '../../greengrass/ipc/operations.ts'
import type { Bus, NucleusConnection, OnMessage } from './nucleus-connection.ts'

const SERVICES = { local: 'aws.greengrass.ipc.pubsub', cloud: 'aws.greengrass.ipc.mqttproxy' }
const PUBLISH = { local: 'PublishToTopic', cloud: 'PublishToIoTCore' }
const SUBSCRIBE = { local: 'SubscribeToTopic', cloud: 'SubscribeToIoTCore' }

export function connectionOver(ipc: IpcCaller, isLite: boolean): NucleusConnection {
  return {
    isLite,
    async subscribe(bus, filter, onMessage, onEnded) {
      try {
        return await subscribe(ipc, bus, filter, onMessage, onEnded)
      } catch (thrown) {
        throw errorOf(thrown, bus, SUBSCRIBE[bus], filter)
      }
    },
    async publish(bus, topic, payload) {
      try {
        if (bus === 'local') await publishToTopic(ipc, topic, { payload })
        else await publishToIotCore(ipc, { topic, payload }, 1)
      } catch (thrown) {
        throw errorOf(thrown, bus, PUBLISH[bus], topic)
      }
    },
  }
}

function subscribe(
  ipc: IpcCaller,
  bus: Bus,
  filter: string,
  onMessage: OnMessage,
  ended: () => void,
) {
  if (bus === 'cloud') {
    const event = ({ topic, payload }: { topic: string; payload: Buffer }) =>
      onMessage(topic, payload)
    return subscribeToIotCore(ipc, filter, 1, { event, ended })
  }
  const event = (message: TopicMessage) => onMessage(message.topic, bytesOf(message))
  return subscribeToTopic(ipc, filter, { event, ended })
}

/** JSON that a publisher gave as such becomes text again. */
function bytesOf(message: TopicMessage): Buffer {
  return 'payload' in message ? message.payload : Buffer.from(JSON.stringify(message.json))
}

function errorOf(thrown: unknown, bus: Bus, operation: string, resource: string): ConnectorError {
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  if (!(thrown instanceof IpcError) || thrown.code !== 'UnauthorizedError') {
    return new ConnectorError('NucleusUnavailable', message, { cause: thrown })
  }
  const text = `the nucleus refuses ${operation} on ${resource}. Add to the component’s accessControl, under ${SERVICES[bus]}, a policy with the operation aws.greengrass#${operation} and the resource ${resource}`
  return new ConnectorError('NucleusRefused', text, { cause: thrown })
}
