// Writes the pages of docs/ that come from the code. A test fails when they are stale.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { createProgram } from '../../dist/cli/program.js'
import { commandsPage } from '../../dist/cli/reference.js'
import { configurationPage, schemaDocument } from '../../dist/config/reference.js'

const docs = join(import.meta.dirname, '..', '..', 'docs')
const program = createProgram({
  process,
  loadConnector: () => Promise.reject(new Error('only help is asked for')),
  outputClosed: new AbortController().signal,
})

writeFileSync(join(docs, 'configuration.md'), configurationPage())
writeFileSync(join(docs, 'config.schema.json'), schemaDocument())
writeFileSync(join(docs, 'commands.md'), commandsPage(program))
