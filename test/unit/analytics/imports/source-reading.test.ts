import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { readSource } from '../../../../src/analytics/imports/source-reading.ts'
import { written } from '../../../support/analytics/import-files.ts'
import { temporaryDirectory } from '../../../support/disk/disk-stores.ts'

test('lines of an archive may end as on Windows, and empty ones are no messages', async (t) => {
  const text = '{"n":1}\r\n\n\r\n{"n":2}\n{"n":3}'
  const path = written(join(await temporaryDirectory(t), 'messages.json'), text)
  const file = { path, bytes: text.length, table: 'tables/press' } as const

  const { rows } = readSource(
    { ...file, kind: 'archive', day: '2020-10-15', arrivedAt: 1 },
    { onBytes: async () => {} },
  )

  const payloads: string[] = []
  for await (const some of rows) payloads.push(...some.map(({ payload }) => String(payload)))
  assert.deepEqual(payloads, ['{"n":1}', '{"n":2}', '{"n":3}'])
})
