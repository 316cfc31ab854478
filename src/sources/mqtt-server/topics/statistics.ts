/** What the server has counted since it started; shown under `$SYS/broker/`. */
export class Statistics {
  messagesReceived = 0
  messagesSent = 0
  /** QoS 0 messages that a slow subscriber did not get. */
  messagesDropped = 0
  bytesReceived = 0
  bytesSent = 0
  connectionsOpened = 0
}
