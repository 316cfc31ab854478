import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { channelDefinition } from '../../../../src/analytics/resources/channel-definition.ts'
import { fileNameOf } from '../../../../src/analytics/resources/resource-file.ts'
import { ResourceStore } from '../../../../src/analytics/resources/resource-store.ts'
import type { FileLayer } from '../../../../src/channels/disk/files/file-layer.ts'
import { nodeFileLayer } from '../../../../src/channels/disk/files/node-file-layer.ts'
import { temporaryDirectory } from '../../../support/processes/running-connector.ts'

const DEFINITION = channelDefinition.parse({ retentionPeriod: { numberOfDays: 3 } })

async function openStore(directory: string, files?: FileLayer) {
  const damages: string[] = []
  let now = 1_000
  const store = new ResourceStore({
    directory,
    now: () => now++,
    onDamage: (what) => damages.push(what),
    ...(files === undefined ? {} : { files }),
  })
  await store.open()
  return { store, damages }
}

async function channelsDirectory(t: TestContext) {
  const directory = await temporaryDirectory(t)
  const channels = join(directory, 'resources', 'channels')
  await mkdir(channels, { recursive: true })
  return { directory, channels }
}

test('a definition is the same after a restart, with its times and tags', async (t) => {
  const directory = await temporaryDirectory(t)
  const { store } = await openStore(directory)
  const tags = [{ key: '__proto__', value: 'x' }]
  await store.channels.put('press', { definition: DEFINITION, tags })
  const updated = await store.channels.put('press', { definition: DEFINITION })
  await store.channels.put('gone', { definition: DEFINITION })
  await store.channels.remove('gone')

  const { store: again, damages } = await openStore(directory)

  assert.deepEqual(again.channels.list(), [updated])
  assert.deepEqual(updated.tags, tags)
  assert.ok(updated.updatedAt > updated.createdAt)
  assert.deepEqual(damages, [])
})

test('names that differ in case alone have files that differ by more', () => {
  const names = ['press', 'Press', 'pRess', 'PRESS', 'a'.repeat(128), 'A'.repeat(128)]
  const files = names.map((name) => fileNameOf(name))

  assert.equal(new Set(files.map((file) => file.toLowerCase())).size, names.length)
  assert.ok(files.every((file) => Buffer.byteLength(file) < 200))
  assert.equal(files[0], 'press.json')
  assert.equal(files[1], 'press-1.json')
})

for (const [what, content] of [
  ['is empty', ''],
  ['ends too early', '{"name":"press","createdAt":1'],
  ['has another form', '{"name":"press"}'],
  [
    'defines what is not allowed',
    '{"name":"press","createdAt":1,"updatedAt":1,"tags":[],"definition":{"retentionPeriod":{"numberOfDays":0}}}',
  ],
  [
    'has the name of another',
    '{"name":"valves","createdAt":1,"updatedAt":1,"tags":[],"definition":{}}',
  ],
  ['is too large', ' '.repeat(3 * 1024 * 1024)],
] as const) {
  test(`a file that ${what} is set aside and named, and the others are read`, async (t) => {
    const { directory, channels } = await channelsDirectory(t)
    const { store } = await openStore(directory)
    await store.channels.put('valves', { definition: DEFINITION })
    await writeFile(join(channels, 'press.json'), content)

    const { store: again, damages } = await openStore(directory)

    assert.deepEqual(
      again.channels.list().map(({ name }) => name),
      ['valves'],
    )
    assert.equal(damages.length, 1)
    assert.match(damages[0] ?? '', /press\.json is damaged\. It is now .*press\.json\.damaged-\d+/)
    const aside = (await readdir(channels)).find((name) => name.startsWith('press.json.damaged-'))
    assert.equal(await readFile(join(channels, aside ?? ''), 'utf8'), content)
    assert.deepEqual((await openStore(directory)).damages, [], 'it is reported once')
  })
}

test('an unfinished write is not seen', async (t) => {
  const { directory, channels } = await channelsDirectory(t)
  await writeFile(join(channels, 'press.json.tmp'), '{"name":')

  const { store, damages } = await openStore(directory)

  assert.deepEqual(store.channels.list(), [])
  assert.deepEqual(damages, [])
})

for (const step of ['open', 'rename', 'syncDirectory'] as const) {
  test(`a definition that fails to be stored (${step}) is not seen`, async (t) => {
    const directory = await temporaryDirectory(t)
    const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
    let isFull = false
    const files: FileLayer = {
      ...nodeFileLayer,
      [step]: (...given: never[]) => {
        if (isFull) return Promise.reject(full)
        const call: (...values: never[]) => unknown = nodeFileLayer[step]
        return call.apply(nodeFileLayer, given)
      },
    }
    const { store } = await openStore(directory, files)
    await store.channels.put('valves', { definition: DEFINITION })
    isFull = true

    await assert.rejects(store.channels.put('press', { definition: DEFINITION }), {
      code: 'StorageFailed',
      message: /press\.json can’t be written: the disk is full/,
    })

    assert.equal(store.channels.get('press'), undefined)
  })
}
