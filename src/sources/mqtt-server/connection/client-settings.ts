/** What a client has asked for in its CONNECT packet, within the server's limits. */
import type { ServerContext } from '../broker/server-context.ts'
import type { ConnectPacket } from '../packets/connect-packet.ts'
import { TopicAliases } from '../topics/topic-aliases.ts'

export function clientSettings(
  { keepAliveS, properties }: ConnectPacket,
  { broker, limits }: ServerContext,
) {
  const { topicAliasMaximum = 0, maximumPacketBytes, receiveMaximum } = properties
  const aliases = Math.min(topicAliasMaximum, limits.maxTopicAliases)
  return {
    keepAliveMs: Math.min(keepAliveS, limits.maxKeepAliveS) * 1000,
    aliases:
      topicAliasMaximum > 0 ? new TopicAliases(aliases, broker.connectionBytes.aliases) : undefined,
    maxPacketBytes: maximumPacketBytes ?? Number.POSITIVE_INFINITY,
    receiveMaximum: receiveMaximum ?? 65_535,
  }
}
