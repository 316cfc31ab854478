// Generates docs/openapi.json from the table of operations in src/http/api/operations.ts.
import { load, page } from './reference-page.mjs'

const { openApiDocument } = await load('http/api/openapi')

page('docs/openapi.json', `${JSON.stringify(openApiDocument(), undefined, 2)}\n`)
