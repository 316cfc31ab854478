/** Requests through a Unix socket. */
import { once } from 'node:events'
import { request } from 'node:http'

export interface SocketAnswer {
  readonly status: number | undefined
  readonly body: string
}

export async function askSocket(
  socketPath: string,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<SocketAnswer> {
  const { method = 'GET', headers = {}, body } = options
  const sent = request({ socketPath, path, method, headers, agent: false })
  sent.end(body)
  const [answer] = await once(sent, 'response')
  const parts: Buffer[] = []
  for await (const part of answer) parts.push(part)
  return { status: answer.statusCode, body: Buffer.concat(parts).toString() }
}
