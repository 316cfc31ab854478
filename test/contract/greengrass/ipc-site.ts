/** A nucleus with two components that may speak with each other, for the contract's cases. */
import type { TestContext } from 'node:test'
import type { Character } from '../../support/greengrass/character.ts'
import { type NucleusServer, startNucleus } from '../../support/greengrass/nucleus-server.ts'
import { until } from '../../support/until.ts'
import type { IpcClient, IpcUnderTest, TopicFilter, TopicMessage } from './ipc-under-test.ts'

export const COMPONENT = 'com.example.Subject'
export const SENDER = 'com.example.Sender'

const ACCESS_CONTROL = {
  'aws.greengrass.ipc.pubsub': {
    'policy:1': {
      operations: ['aws.greengrass#SubscribeToTopic'],
      resources: ['plant/+/put', 'plant/#', 'plant/a/put', 'exact'],
    },
    'policy:2': {
      operations: ['aws.greengrass#PublishToTopic'],
      resources: ['plant/*', 'exact'],
    },
  },
  'aws.greengrass.ipc.mqttproxy': {
    'policy:1': { operations: ['*'], resources: ['cloud/#'] },
  },
}

export const CONFIGURATION = {
  accessControl: ACCESS_CONTROL,
  batchSize: 5,
  isEager: true,
  region: 'eu-west-1',
  inputs: { hall: 'factory/#' },
}

export interface Site {
  readonly nucleus: NucleusServer
  readonly client: IpcClient
}

/** A nucleus, and one connection to it as `COMPONENT`. */
export async function openSite(
  t: TestContext,
  under: IpcUnderTest,
  character: Character,
): Promise<Site> {
  const nucleus = await startNucleus(t, character)
  nucleus.addComponent(COMPONENT, CONFIGURATION)
  nucleus.addComponent(SENDER, { accessControl: ACCESS_CONTROL })
  return { nucleus, client: await connectAs(t, under, nucleus, COMPONENT) }
}

export function connectAs(
  t: TestContext,
  under: IpcUnderTest,
  nucleus: NucleusServer,
  component: string,
): Promise<IpcClient> {
  return under.connect(t, nucleus.socketPath, nucleus.tokenOf(component))
}

/** Subscribes, and collects what comes. */
export async function inbox(client: IpcClient, filter: TopicFilter): Promise<Inbox> {
  const messages: TopicMessage[] = []
  const { close } = await client.topics.subscribe(filter, (message) => messages.push(message))
  return {
    messages,
    async upTo(count) {
      await until(`${count} messages had come`, () => messages.length >= count)
      return messages
    },
    close,
  }
}

export interface Inbox {
  readonly messages: readonly TopicMessage[]
  upTo(count: number): Promise<readonly TopicMessage[]>
  close(): Promise<void>
}

/** For `assert.rejects`: the nucleus answered with this code. */
export function answeredWith(under: IpcUnderTest, code: string): (error: unknown) => boolean {
  return (error) =>
    under.isAnswer(error) && (under.codeOf === undefined || under.codeOf(error) === code)
}
