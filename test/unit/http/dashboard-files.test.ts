import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import fastify, { type FastifyInstance } from 'fastify'
import { DashboardFiles, dashboardRoutes } from '../../../src/http/dashboard-files.ts'
import { temporaryDirectory } from '../../support/processes/running-connector.ts'

const root = join(import.meta.dirname, '..', '..', '..', '..')
/** All of what is loaded before the first screen is drawn, and all there is; compressed with gzip. */
const FIRST_LOAD_BYTES = 60 * 1024
const ALL_BYTES = 250 * 1024

async function built(t: TestContext): Promise<string> {
  const directory = await temporaryDirectory(t)
  execFileSync(process.execPath, [join(root, 'scripts', 'build-dashboard.mjs'), directory])
  return directory
}

async function serving(t: TestContext, directory: string): Promise<FastifyInstance> {
  const server = fastify()
  server.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    reply.header('content-security-policy', "default-src 'none'")
  })
  dashboardRoutes(server, new DashboardFiles([directory]))
  t.after(() => server.close())
  await server.listen({ port: 0, host: '127.0.0.1' })
  return server
}

/** Without the conveniences of `fetch`, which decompresses. */
async function get(server: FastifyInstance, path: string, headers: Record<string, string> = {}) {
  const answer = await server.inject({ method: 'GET', url: path, headers })
  return { status: answer.statusCode, headers: answer.headers, body: answer.rawPayload }
}

test('the page is asked for each time, and its files are kept for a year', async (t) => {
  const directory = await built(t)
  const server = await serving(t, directory)

  const page = await get(server, '/')
  const html = page.body.toString()
  const files = [...html.matchAll(/(?:href|src)="(assets\/[^"]+)"/g)].map(([, file]) => file ?? '')

  assert.equal(page.status, 200)
  assert.equal(page.headers['cache-control'], 'no-cache')
  assert.match(String(page.headers['content-security-policy']), /script-src 'self';.*trusted-types/)
  assert.equal(files.length, 3)
  assert.doesNotMatch(html, /<style|<script>|(?:href|src)="\//)
  for (const file of files) {
    const { status, headers } = await get(server, `/${file}`)
    assert.equal(status, 200)
    assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable')
  }
})

test('each client gets the compression it understands, and 304 for what it has', async (t) => {
  const server = await serving(t, await built(t))

  const plain = await get(server, '/')
  const gzip = await get(server, '/', { 'accept-encoding': 'gzip, br;q=0' })
  const brotli = await get(server, '/', { 'accept-encoding': 'gzip, deflate, br' })

  assert.equal(plain.headers['content-encoding'], undefined)
  assert.equal(gzip.headers['content-encoding'], 'gzip')
  assert.deepEqual(gunzipSync(gzip.body), plain.body)
  assert.equal(brotli.headers['content-encoding'], 'br')
  assert.equal(plain.headers['vary'], 'accept-encoding')
  const again = await get(server, '/', { 'if-none-match': `W/${plain.headers['etag']}` })
  assert.equal(again.status, 304)
  assert.equal(again.body.length, 0)
  const head = await server.inject({ method: 'HEAD', url: '/' })
  assert.equal(head.statusCode, 200)
  assert.equal(head.rawPayload.length, 0)
})

test('nothing but the files of the dashboard is served', async (t) => {
  const directory = await built(t)
  const server = await serving(t, directory)

  for (const path of [
    '/assets/index.html',
    '/assets/LICENSES.txt',
    '/assets/..%2f..%2fpackage.json',
    '/assets/%2e%2e/index.html',
    '/assets/constructor',
    '/assets/',
  ]) {
    const { status, headers } = await get(server, path)
    assert.equal(status, 404, path)
    assert.notEqual(headers['cache-control'], 'public, max-age=31536000, immutable')
  }
})

test('a connector whose package is replaced goes on with the files that fit each other', async (t) => {
  const directory = await built(t)
  const files = new DashboardFiles([directory])
  const before = await files.build()

  await writeFile(join(directory, 'index.html.gz'), gzipSync('<meta name="build" content="new"'))

  assert.match(before, /^[0-9a-f]{8}$/)
  assert.equal(await files.build(), before)
  assert.equal(await new DashboardFiles([directory]).build(), 'new')
})

test('without the files, the page says how to build them, and works as soon as they are there', async (t) => {
  const directory = await temporaryDirectory(t)
  const server = await serving(t, directory)

  const answer = await get(server, '/')

  assert.equal(answer.status, 503)
  assert.match(answer.body.toString(), /npm run build/)
  assert.equal(answer.headers['cache-control'], 'no-store')
  execFileSync(process.execPath, [join(root, 'scripts', 'build-dashboard.mjs'), directory])
  assert.equal((await get(server, '/')).status, 200)
})

test('the build is the same bytes twice', async (t) => {
  const [first, second] = [await built(t), await built(t)]
  const names = (await readdir(first)).sort()

  assert.deepEqual((await readdir(second)).sort(), names)
  for (const name of names) {
    assert.deepEqual(await readFile(join(first, name)), await readFile(join(second, name)), name)
  }
})

test('the first load is at most 60 KB and all of it at most 250 KB, compressed', async (t) => {
  const directory = await built(t)
  const texts = new Map<string, string>()
  const sizes = new Map<string, number>()
  for (const file of await readdir(directory)) {
    if (!file.endsWith('.gz')) continue
    const content = await readFile(join(directory, file))
    texts.set(file.slice(0, -3), gunzipSync(content).toString())
    sizes.set(file.slice(0, -3), content.length)
  }

  const first = new Set<string>()
  const load = (name: string): void => {
    if (first.has(name) || !texts.has(name)) return
    first.add(name)
    const text = texts.get(name) ?? ''
    // Static imports, and what the page names; `import()` is loaded later.
    for (const [, found = ''] of text.matchAll(/(?:from|^import|[;}]import)\s*"\.\/([^"]+)"/g))
      load(found)
    for (const [, found = ''] of text.matchAll(/(?:href|src)="assets\/([^"]+)"/g)) load(found)
  }
  load('index.html')
  const sum = (numbers: Iterable<number>) => [...numbers].reduce((total, one) => total + one, 0)
  const firstBytes = sum([...first].map((name) => sizes.get(name) ?? 0))
  const allBytes = sum(sizes.values())

  assert.ok(first.size >= 4, [...first].join(' '))
  t.diagnostic(`first load ${firstBytes} B, all ${allBytes} B`)
  assert.ok(firstBytes <= FIRST_LOAD_BYTES, `${firstBytes} B`)
  assert.ok(allBytes <= ALL_BYTES, `${allBytes} B`)
})
