/**
 * Answers requests as Amazon S3, Kinesis, Firehose, BatchPutMessage and plain HTTP services do, at
 * the lowest cost, so that the client is measured and not the peer. It checks and stores nothing. A
 * program: prints its port, and then for each line that it reads how many requests it has answered.
 */
import { createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

const LENGTH = /\r\ncontent-length: *(\d+)/i
const DATA = Buffer.from('"Data"')
const SEQUENCE = '49590338271490256608559692538361571095921575989136588898'
const RECORD_ID = 'x'.repeat(224)
const ANSWERS = new Map<string, Buffer>()
const EMPTY = response('200 OK', '', 'ETag: "0123456789abcdef0123456789abcdef"\r\n')
const NOT_FOUND = Buffer.from('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n')

let requests = 0

function response(status: string, body: string, headers = ''): Buffer {
  const type = 'Content-Type: application/x-amz-json-1.1\r\n'
  return Buffer.from(
    `HTTP/1.1 ${status}\r\n${type}${headers}Content-Length: ${body.length}\r\n\r\n${body}`,
  )
}

function answerTo(head: string, body: readonly Buffer[]): Buffer {
  if (head.startsWith('HEAD')) return NOT_FOUND
  if (/Kinesis_20131202\.PutRecords/.test(head)) return recordsAnswer('Records', body)
  if (/Firehose_20150804\.PutRecordBatch/.test(head)) return recordsAnswer('RequestResponses', body)
  if (head.startsWith('POST /messages/batch')) {
    return remembered('put', () => response('200 OK', '{"batchPutMessageErrorEntries":[]}'))
  }
  return EMPTY
}

function recordsAnswer(entries: 'Records' | 'RequestResponses', body: readonly Buffer[]): Buffer {
  const count = countOf(body.length === 1 ? (body[0] ?? DATA) : Buffer.concat(body))
  return remembered(`${entries}${count}`, () => {
    const entry =
      entries === 'Records'
        ? { SequenceNumber: SEQUENCE, ShardId: 'shardId-000000000000' }
        : { RecordId: RECORD_ID }
    const failed = entries === 'Records' ? { FailedRecordCount: 0 } : { FailedPutCount: 0 }
    const all = new Array<object>(count).fill(entry)
    return response('200 OK', JSON.stringify({ ...failed, [entries]: all }))
  })
}

function remembered(key: string, make: () => Buffer): Buffer {
  const known = ANSWERS.get(key) ?? make()
  ANSWERS.set(key, known)
  return known
}

function countOf(body: Buffer): number {
  let count = 0
  for (let at = body.indexOf(DATA); at >= 0; at = body.indexOf(DATA, at + DATA.length)) count++
  return count
}

function serve(socket: Socket): void {
  let held: Buffer = Buffer.alloc(0)
  let head: string | undefined
  let body: Buffer[] = []
  let missing = 0
  const end = () => {
    socket.write(answerTo(head ?? '', body))
    requests++
    head = undefined
    body = []
  }
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: Buffer) => {
    let rest = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    held = Buffer.alloc(0)
    while (rest.length > 0) {
      if (head === undefined) {
        const at = rest.indexOf('\r\n\r\n')
        if (at < 0) {
          held = rest
          return
        }
        head = rest.toString('latin1', 0, at)
        missing = Number(LENGTH.exec(head)?.[1] ?? 0)
        rest = rest.subarray(at + 4)
        if (/\r\nexpect: 100-continue/i.test(head)) socket.write(CONTINUE)
      } else {
        const taken = rest.subarray(0, missing)
        // Objects are not looked at, so they need not be kept.
        if (!head.startsWith('PUT')) body.push(taken)
        missing -= taken.length
        rest = rest.subarray(taken.length)
      }
      if (missing === 0) end()
    }
  })
}

const server = createServer({ noDelay: true }, serve)
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object' && address !== null) process.stdout.write(`${address.port}\n`)
})
createInterface(process.stdin).on('line', () => process.stdout.write(`${requests}\n`))
process.stdin.on('end', () => process.exit())
