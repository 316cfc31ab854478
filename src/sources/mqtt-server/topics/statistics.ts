/** Counts since the start of the server, published under `$SYS/broker/`. */
export class Statistics {
  messagesReceived = 0
  messagesSent = 0
  /** QoS 0 messages that were not sent because the subscriber was too slow. */
  messagesDropped = 0
  bytesReceived = 0
  bytesSent = 0
  connectionsOpened = 0
}
