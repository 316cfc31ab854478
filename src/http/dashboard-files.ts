/**
 * The dashboard: files that `npm run build` has made and compressed. They are read when somebody
 * opens the dashboard for the first time, and stay in memory compressed, about 0.3 MB. So a connector
 * whose package is replaced while it runs goes on serving files that fit each other.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { HTML_TYPE, sendInPieces } from './requests/pages.ts'

/** Places of dist/dashboard, from dist/program/ (the bundle), dist/http/ (the library), build/src/http/. */
const FOLDERS = ['../dashboard', '../../../dist/dashboard']
const PAGE = 'index.html'
const TYPES: Readonly<Record<string, string>> = {
  '.html': HTML_TYPE,
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}
/** The names of these files contain a hash of their content. */
const FOR_A_YEAR = 'public, max-age=31536000, immutable'

/** What the page may do: load its own files and ask its own server, nothing else. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'self'",
  "require-trusted-types-for 'script'",
].join('; ')

const inflate = promisify(gunzip)

interface DashboardFile {
  readonly type: string
  readonly etag: string
  readonly brotli: Buffer
  readonly gzip: Buffer
}

export class DashboardFiles {
  readonly #folders: readonly string[]
  #files: Promise<ReadonlyMap<string, DashboardFile>> | undefined

  constructor(folders = FOLDERS.map((folder) => join(import.meta.dirname, folder))) {
    this.#folders = folders
  }

  /** Changes when any of the files does; `none` if they have not been built. */
  async build(): Promise<string> {
    const page = (await this.#open()).get(PAGE)
    if (page === undefined) return 'none'
    const html = (await inflate(page.gzip)).toString()
    return /<meta name="build" content="([^"]*)"/.exec(html)?.[1] ?? 'none'
  }

  /** Undefined if there is no such file. */
  async file(name: string): Promise<DashboardFile | undefined> {
    return (await this.#open()).get(name)
  }

  #open(): Promise<ReadonlyMap<string, DashboardFile>> {
    this.#files ??= this.#read()
    return this.#files
  }

  /** Never rejects. After a failure the next request reads again. */
  async #read(): Promise<ReadonlyMap<string, DashboardFile>> {
    for (const folder of this.#folders) {
      const files = await filesIn(folder)
      if (files.has(PAGE)) return files
    }
    this.#files = undefined
    return new Map()
  }
}

/** `/` and `/assets/…`. They are public: what the page shows is asked for later, with rights. */
export function dashboardRoutes(server: FastifyInstance, files: DashboardFiles): void {
  const config = { isPublic: true }
  server.get('/', { config, onSend: setHeaders }, async (request, reply) => {
    const page = await files.file(PAGE)
    if (page === undefined) return sendInPieces(reply.code(503), HTML_TYPE, [NOT_BUILT])
    return send(request, reply, page)
  })
  server.get<{ Params: { name: string } }>(
    '/assets/:name',
    { config, onSend: setHeaders },
    async (request, reply) => {
      const { name } = request.params
      const file = name === PAGE ? undefined : await files.file(name)
      if (file === undefined) {
        return reply.code(404).send({
          error: 'NotFound',
          message: 'The dashboard has no such file; it may have another version now. Load / again.',
        })
      }
      return send(request, reply, file)
    },
  )
}

/** After the hook of the server, which forbids all answers to be kept and to load anything. */
async function setHeaders(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const isFile = reply.statusCode === 200 || reply.statusCode === 304
  if (isFile) {
    // The page is asked for each time, and mostly answered with 304.
    reply.header('cache-control', request.url.includes('/assets/') ? FOR_A_YEAR : 'no-cache')
    reply.header('content-security-policy', PAGE_POLICY)
  }
  reply.header('referrer-policy', 'no-referrer')
  reply.header('cross-origin-opener-policy', 'same-origin')
  reply.header('cross-origin-resource-policy', 'same-origin')
}

async function send(
  request: FastifyRequest,
  reply: FastifyReply,
  file: DashboardFile,
): Promise<FastifyReply> {
  reply.header('etag', file.etag).header('vary', 'accept-encoding')
  if (isSame(request.headers['if-none-match'], file.etag)) return reply.code(304).send()
  const accepted = encodingsOf(request.headers['accept-encoding'])
  if (accepted.has('br')) {
    return sendInPieces(reply.header('content-encoding', 'br'), file.type, [file.brotli])
  }
  if (accepted.has('gzip')) {
    return sendInPieces(reply.header('content-encoding', 'gzip'), file.type, [file.gzip])
  }
  return sendInPieces(reply, file.type, [await inflate(file.gzip)])
}

/** Proxies that compress mark the tag as weak. */
function isSame(given: string | undefined, etag: string): boolean {
  return (given ?? '').split(',').some((one) => one.trim().replace(/^W\//, '') === etag)
}

/** Without those that are explicitly refused, as in `gzip;q=0`. */
function encodingsOf(header: string | string[] | undefined): ReadonlySet<string> {
  const names = String(header ?? '')
    .split(',')
    .filter((one) => !/;\s*q=0(\.0*)?\s*$/.test(one))
  return new Set(names.map((one) => (one.split(';')[0] ?? '').trim().toLowerCase()))
}

/** Empty if the folder is not there, or not whole. */
async function filesIn(folder: string): Promise<ReadonlyMap<string, DashboardFile>> {
  try {
    const names = (await readdir(folder)).filter((name) => TYPES[extname(name)] !== undefined)
    const files = await Promise.all(names.map(async (name) => fileOf(folder, name)))
    return new Map(files.map((file, index) => [names[index] ?? '', file]))
  } catch {
    return new Map()
  }
}

async function fileOf(folder: string, name: string): Promise<DashboardFile> {
  const brotli = await readFile(join(folder, `${name}.br`))
  const gzip = await readFile(join(folder, `${name}.gz`))
  const etag = `"${createHash('sha256').update(gzip).digest('base64url').slice(0, 22)}"`
  return { type: TYPES[extname(name)] ?? '', etag, brotli, gzip }
}

const NOT_BUILT = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>iot-analytics-connector</title>
<h1>The dashboard has not been built</h1>
<p>The connector runs, but its files are not in <code>dist/dashboard</code>. Build them with
<code>npm run build</code>, then load this page again.</p>
<p>Without them: <a href="health">health</a>, <a href="ledger?format=text">ledger</a>,
<a href="metrics">metrics</a>.</p>
</html>
`
