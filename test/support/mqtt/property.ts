/** Properties of MQTT 5 by name, as bytes of a packet: `[...property.sessionExpiry(60)]`. */

function twoBytes(value: number): number[] {
  return [(value >> 8) & 0xff, value & 0xff]
}

function fourBytes(value: number): number[] {
  return [...twoBytes(value >>> 16), ...twoBytes(value)]
}

function binary(bytes: Buffer): number[] {
  return [...twoBytes(bytes.length), ...bytes]
}

export function variableByteInteger(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...variableByteInteger(value >> 7)]
}

export const property = {
  payloadFormat: (isText: boolean) => [1, isText ? 1 : 0],
  messageExpiry: (seconds: number) => [2, ...fourBytes(seconds)],
  contentType: (type: string) => [3, ...binary(Buffer.from(type))],
  responseTopic: (topic: string) => [8, ...binary(Buffer.from(topic))],
  correlationData: (data: Buffer) => [9, ...binary(data)],
  subscriptionIdentifier: (id: number) => [11, ...variableByteInteger(id)],
  sessionExpiry: (seconds: number) => [17, ...fourBytes(seconds)],
  requestProblemInformation: (isRequested: boolean) => [23, isRequested ? 1 : 0],
  willDelay: (seconds: number) => [24, ...fourBytes(seconds)],
  receiveMaximum: (messages: number) => [33, ...twoBytes(messages)],
  topicAliasMaximum: (aliases: number) => [34, ...twoBytes(aliases)],
  topicAlias: (alias: number) => [35, ...twoBytes(alias)],
  userProperty: (name: string, value: string) => [
    38,
    ...binary(Buffer.from(name)),
    ...binary(Buffer.from(value)),
  ],
  maximumPacketSize: (bytes: number) => [39, ...fourBytes(bytes)],
}
