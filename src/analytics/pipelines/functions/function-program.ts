/**
 * The program of the process that runs a JavaScript function:
 *
 *     node function-program.js MODULE HANDLER FUNCTION_NAME TIMEOUT_MS
 *
 * It answers each line, an array of messages, with a line: what the handler returned, or
 * `{"error": "…"}`. What the module writes to standard output goes to standard error, because
 * standard output is for answers.
 */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { LineSplitter } from '../../lines/line-splitter.ts'

type Handler = (event: unknown, context: object) => unknown

const [modulePath = '', handlerName = '', functionName = '', timeoutMs = ''] = process.argv.slice(2)

const answer = process.stdout.write.bind(process.stdout)
process.stdout.write = process.stderr.write.bind(process.stderr)

const handler = await load()
let turn = Promise.resolve()
const lines = new LineSplitter({
  maxBytes: Number.POSITIVE_INFINITY,
  onLine(line) {
    turn = turn.then(async () => {
      answer(`${await answerTo(line)}\n`)
    })
  },
  onTooLong: () => undefined,
})
process.stdin.on('data', (chunk: Buffer) => lines.push(chunk))
// Timers of the module must not keep the process.
process.stdin.on('end', () => void turn.then(() => process.exit(0)))

async function load(): Promise<Handler> {
  const loaded: Record<string, unknown> = await import(pathToFileURL(resolve(modulePath)).href)
  const found = loaded[handlerName]
  if (isHandler(found)) return found
  throw new TypeError(`expected ${modulePath} to export a function ${handlerName}`)
}

function isHandler(value: unknown): value is Handler {
  return typeof value === 'function'
}

async function answerTo(line: Buffer): Promise<string> {
  const deadline = Date.now() + Number(timeoutMs)
  const context = { functionName, getRemainingTimeInMillis: () => deadline - Date.now() }
  try {
    const result = await handler(JSON.parse(line.toString()), context)
    return JSON.stringify(result ?? null)
  } catch (thrown) {
    const error = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
    return JSON.stringify({ error })
  }
}
