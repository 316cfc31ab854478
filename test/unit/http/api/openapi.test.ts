import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openApiDocument } from '../../../../src/http/api/openapi.ts'
import { API, type Operation, operations } from '../../../../src/http/api/operations.ts'
import { jsonOf, serve } from '../../../support/http/served-view.ts'

const root = join(import.meta.dirname, '..', '..', '..', '..', '..')

test('docs/openapi.json is generated from the table of operations, and the server answers the same', async (t) => {
  const { url } = await serve(t)
  const document = JSON.parse(JSON.stringify(openApiDocument()))

  const page = JSON.parse(readFileSync(join(root, 'docs', 'openapi.json'), 'utf8'))
  const served = await jsonOf(await fetch(`${url}${API}/openapi.json`))

  assert.deepEqual(page, document, 'npm run docs makes it again')
  assert.deepEqual(served, document)
})

test('every route below /api/v1 is described, and every description has a route', async (t) => {
  const queries = { run: async () => ({}) }
  const { server } = await serve(t, {}, { queries })

  const routes = [...server.routes].filter((route) => {
    return route.includes(` ${API}/`) && !route.startsWith('HEAD ')
  })
  const described = Object.values<Operation>(operations).map(({ method, path }) => {
    return `${method} ${API}/${path}`
  })

  const anyName = (route: string) => route.replace(/:\w+|\{\w+\}/g, '*')
  assert.deepEqual(routes.map(anyName).sort(), described.map(anyName).sort())
})
