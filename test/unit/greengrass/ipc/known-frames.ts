/** Frames as AWS's client and the nuclei write them. */
import type { HeaderValue } from '../../../../src/greengrass/ipc/frame.ts'

export interface KnownFrame {
  readonly title: string
  readonly bytes: Buffer
  readonly headers: readonly (readonly [string, HeaderValue])[]
  readonly payload: string
}

const hex = (text: string) => Buffer.from(text, 'hex')

function address(type: number, flags: number, streamId: number): [string, HeaderValue][] {
  return [
    [':message-type', type],
    [':message-flags', flags],
    [':stream-id', streamId],
  ]
}

export const TOKEN = 'ABCDEFGHIJKLMNOP'

export const LEAST: KnownFrame = {
  title: 'the shortest frame',
  bytes: hex('000000100000000005c248eb7d98c8ff'),
  headers: [],
  payload: '',
}
export const CONNECT: KnownFrame = {
  title: 'a login',
  bytes: hex(
    '0000007800000048d487bdc5083a76657273696f6e070005302e312e300d3a6d6573736167652d74797065040000' +
      '00040e3a6d6573736167652d666c61677304000000000a3a73747265616d2d696404000000007b226175746854' +
      '6f6b656e223a224142434445464748494a4b4c4d4e4f50227dfc808abe',
  ),
  headers: [[':version', '0.1.0'], ...address(4, 0, 0)],
  payload: `{"authToken":"${TOKEN}"}`,
}
export const ACCEPTED: KnownFrame = {
  title: 'the acceptance of a login',
  bytes: hex(
    '0000004700000037374cfe3f0d3a6d6573736167652d7479706504000000050e3a6d6573736167652d666c616773' +
      '04000000010a3a73747265616d2d69640400000000e237e27d',
  ),
  headers: address(5, 1, 0),
  payload: '',
}
export const REFUSED: KnownFrame = {
  title: 'the refusal of a login',
  bytes: hex(
    '0000004700000037374cfe3f0d3a6d6573736167652d7479706504000000050e3a6d6573736167652d666c616773' +
      '04000000000a3a73747265616d2d696404000000006591293e',
  ),
  headers: address(5, 0, 0),
  payload: '',
}
export const SUBSCRIBE: KnownFrame = {
  title: 'a request to subscribe',
  bytes: hex(
    '000000c80000006368fc4c910d3a6d6573736167652d7479706504000000000e3a6d6573736167652d666c616773' +
      '04000000000a3a73747265616d2d69640400000001096f7065726174696f6e07001f6177732e677265656e6772' +
      '61737323537562736372696265546f546f7069637b22746f706963223a22696f74616e616c79746963732f6368' +
      '616e6e656c732f2b2f6d657373616765732f707574222c22726563656976654d6f6465223a2252454345495645' +
      '5f414c4c5f4d45535341474553227d359332ba',
  ),
  headers: [...address(0, 0, 1), ['operation', 'aws.greengrass#SubscribeToTopic']],
  payload: '{"topic":"iotanalytics/channels/+/messages/put","receiveMode":"RECEIVE_ALL_MESSAGES"}',
}
export const SUBSCRIBED: KnownFrame = {
  title: 'the response to a request to subscribe',
  bytes: hex(
    '000000a7000000952740fb240d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e12' +
      '736572766963652d6d6f64656c2d747970650700276177732e677265656e677261737323537562736372696265' +
      '546f546f706963526573706f6e73650d3a6d6573736167652d7479706504000000000e3a6d6573736167652d66' +
      '6c61677304000000000a3a73747265616d2d696404000000017b7dc6055dec',
  ),
  headers: [
    [':content-type', 'application/json'],
    ['service-model-type', 'aws.greengrass#SubscribeToTopicResponse'],
    ...address(0, 0, 1),
  ],
  payload: '{}',
}
export const TERMINATE: KnownFrame = {
  title: 'the end of a stream',
  bytes: hex(
    '0000004700000037374cfe3f0d3a6d6573736167652d7479706504000000000e3a6d6573736167652d666c616773' +
      '04000000020a3a73747265616d2d696404000000012809c8cf',
  ),
  headers: address(0, 2, 1),
  payload: '',
}

export const KNOWN_FRAMES = [LEAST, CONNECT, ACCEPTED, REFUSED, SUBSCRIBE, SUBSCRIBED, TERMINATE]
