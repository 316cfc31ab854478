/** How the commands ask a connector behind a proxy, another program, and one that hangs. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { ClientRequest, createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { failureText } from '../../../src/cli/connector-address.ts'
import { ConnectorClient } from '../../../src/cli/connector-client.ts'
import { sendRequest } from '../../../src/cli/http-request.ts'

async function served(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function clientOf(url: string): ConnectorClient {
  const { signal } = new AbortController()
  return new ConnectorClient(url, { signal, token: undefined, trust: { tls: {} } })
}

test('the path of --url stays in front of what is asked, as a proxy needs it', async (t) => {
  const url = await served(t, ({ url: path }, answer) => {
    answer.setHeader('content-type', 'application/json')
    answer.end(JSON.stringify({ path }))
  })

  const response = await clientOf(`${url}/gateway/`).snapshot('/api/v1/overview', {})

  assert.deepEqual(await response.json(), { path: '/gateway/api/v1/overview' })
})

for (const status of [200, 404]) {
  test(`a web page with the status ${status} is not taken for an answer`, async (t) => {
    const url = await served(t, (_request, answer) => {
      answer.writeHead(status, { 'content-type': 'text/html; charset=utf-8' })
      answer.end('<h1>Nothing here</h1>')
    })

    await assert.rejects(clientOf(url).get('/api/v1/channels/c/messages', {}), {
      message: `${url} answered ${status} with a web page, as no connector does. Does a proxy or another program listen there? Set the connector’s address with --config or --url.`,
    })
  })
}

test('a connector that takes a request and says nothing is reported as one that hangs', async (t) => {
  const url = await served(t, () => {})
  const { signal } = new AbortController()
  const request = { headers: {}, signal, silenceMs: 50 }

  await assert.rejects(sendRequest(new URL(url), request, { tls: {} }), (error) => {
    assert.match(failureText(error, false), /^no answer within 0\.05 s\. It hangs, or its machine/)
    return true
  })
})

test('a query may take as long as it takes before its first part comes', async (t) => {
  // Minutes of silence are too long for a test, so it looks at the limit.
  const limit = t.mock.method(ClientRequest.prototype, 'setTimeout')
  const url = await served(t, (_request, answer) => void answer.end('rows'))
  const { signal } = new AbortController()
  const onPart = async (): Promise<void> => {}

  await clientOf(url).postForParts('/api/v1/query', {}, { signal, onPart, trailer: 'x' })

  assert.deepEqual(
    limit.mock.calls.map((call) => call.arguments[0]),
    [0],
  )
})

test('a connector that is not there is reported in words, with the code', () => {
  const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })

  const text = failureText(refused, false)

  assert.match(text, /^nothing listens there \(ECONNREFUSED\)\. Start it with /)
})
