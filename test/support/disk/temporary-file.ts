/** Temporary files, removed after the test. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export async function temporaryFile(
  t: TestContext,
  name: string,
  content: string,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'iot-analytics-connector-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, name)
  await writeFile(file, content)
  return file
}
