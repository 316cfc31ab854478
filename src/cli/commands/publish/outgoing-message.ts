/** The messages that `publish` sends: from the command line, from a file, or generated. */
import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { buffer } from 'node:stream/consumers'
import { readGivenFile } from '../../../config/inputs/given-file.ts'

export interface OutgoingMessage {
  readonly payload: Buffer
  /** Identifies its receipt. */
  readonly id: string
}

export interface MessageRequest {
  /** The text itself; `-`: a message per line of standard input; undefined: generated. */
  readonly text: string | undefined
  /** A file whose content is the message; `-`: all of standard input. */
  readonly file: string | undefined
  readonly count: number
  /** The minimum size of a generated message in bytes. */
  readonly size: number
  /** True: the payload is sent as it is, not in the specification's `{"request":…,"id":…}`. */
  readonly isBinary: boolean
  /** With several messages it gets a number, because ids must differ. */
  readonly id: string | undefined
}

export async function* outgoingMessages(
  request: MessageRequest,
  stdin: NodeJS.ReadableStream,
): AsyncGenerator<OutgoingMessage> {
  const prefix = request.id ?? `publish-${randomBytes(4).toString('hex')}`
  const isSingle = request.count === 1 && request.text !== '-'
  let number = 0
  for await (const content of contents(request, stdin)) {
    number += 1
    const id = isSingle && request.id !== undefined ? request.id : `${prefix}-${number}`
    yield { id, payload: request.isBinary ? content : formatted(content, id) }
  }
}

async function* contents(
  request: MessageRequest,
  stdin: NodeJS.ReadableStream,
): AsyncGenerator<Buffer> {
  if (request.text === '-') {
    const lines = createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY })
    for await (const line of lines) yield Buffer.from(line)
    return
  }
  const given = await givenContent(request, stdin)
  for (let number = 1; number <= request.count; number++) {
    yield given ?? generated(number, request.size)
  }
}

async function givenContent(
  request: MessageRequest,
  stdin: NodeJS.ReadableStream,
): Promise<Buffer | undefined> {
  if (request.text !== undefined) return Buffer.from(request.text)
  if (request.file === undefined) return undefined
  if (request.file === '-') return buffer(stdin)
  return readGivenFile(request.file)
}

/** Specification, "Topic filter: iotanalytics/channels/+/messages/put". */
function formatted(content: Buffer, id: string): Buffer {
  return Buffer.from(JSON.stringify({ request: { message: content.toString() }, id }))
}

/** `{"n":1,"temp":21.3}`, a slow wave, filled up to `size` bytes. */
function generated(number: number, size: number): Buffer {
  const temp = Math.round((21 + 4 * Math.sin(number / 10)) * 100) / 100
  const bare = JSON.stringify({ n: number, temp })
  const missing = size - bare.length
  if (missing <= 0) return Buffer.from(bare)
  return Buffer.from(JSON.stringify({ n: number, temp, pad: 'x'.repeat(Math.max(0, missing - 9)) }))
}
