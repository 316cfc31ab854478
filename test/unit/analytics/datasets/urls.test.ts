/** Signed URLs of contents, and what they are answered with. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ContentUrls } from '../../../../src/analytics/datasets/urls/content-urls.ts'
import { DatasetRig, definitionOf } from '../../../support/analytics/dataset-rig.ts'
import { SimulatedDisk, seededRandom } from '../../../support/disk/simulated-disk.ts'
import { Random } from '../../../support/random.ts'

const HOUR = 3_600_000

async function rigWithContent(t: TestContext) {
  const disk = new SimulatedDisk(seededRandom(1))
  const rig = await new DatasetRig({ directory: '/data', files: disk }).open()
  t.after(() => rig.datasets.close())
  await rig.define('all', definitionOf({}))
  for (let id = 0; id < 9; id++) rig.rows.rows.push({ id, time: 0, arrived: 0 })
  const version = await rig.made('all')
  const content = await rig.datasets.content('all', version, 'http://host:8090')
  return { disk, rig, version, uri: content?.entries[0]?.dataURI ?? '' }
}

test('a URL works for some hours, and then says that it has expired', async (t) => {
  const { rig, uri } = await rigWithContent(t)

  assert.match(
    uri,
    /^http:\/\/host:8090\/api\/v1\/dataset-contents\/all\/version-00000001\/0\/result\.csv\?/,
  )
  rig.clock.advance(4 * HOUR - 2_000)
  assert.match(await rig.get(uri), /^"id"\n"0"\n/)
  rig.clock.advance(2_000)
  const { status, body } = await rig.request(uri)
  assert.equal(status, 403)
  assert.match(String(body), /<Code>AccessDenied<\/Code><Message>Request has expired/)
})

test('no changed character of a URL is accepted', async (t) => {
  const { rig, uri } = await rigWithContent(t)
  const random = new Random(1)
  const start = uri.indexOf('/all/') + 1

  for (let at = start; at < uri.length; at++) {
    const other = random.oneOf(['0', '1', 'a', 'f', '.', '%2f', '%00', '/'])
    const changed = uri.slice(0, at) + other + uri.slice(at + 1)
    if (changed === uri || !URL.canParse(changed) || isMalformed(changed)) continue
    const { status } = await rig.request(changed)

    assert.equal(status, 403, changed)
  }
})

function isMalformed(uri: string): boolean {
  try {
    return new URL(uri).pathname.split('/').slice(-4).map(decodeURIComponent).length !== 4
  } catch {
    return true
  }
}

test('a signature of one content is none for another, however the parts are cut', () => {
  const urls = new ContentUrls(Buffer.alloc(32, 1))
  const place = { dataset: 'a', version: 'bc', entry: '0', name: 'd' }
  const query = new URL(urls.urlOf(place, 'http://host', 0)).searchParams

  assert.equal(urls.faultOf(place, query, 0), undefined)
  assert.equal(urls.faultOf({ ...place, dataset: 'ab', version: 'c' }, query, 0), 'forged')
  assert.equal(new ContentUrls(Buffer.alloc(32, 2)).faultOf(place, query, 0), 'forged')
})

test('URLs outlive a restart, and a lost key makes them invalid', async (t) => {
  const { disk, rig, uri } = await rigWithContent(t)
  await rig.datasets.close()
  const { clock } = rig
  const second = await new DatasetRig({ directory: '/data', files: disk, clock }).open()
  const kept = await second.request(uri)
  await second.datasets.close()
  disk.lose('/data/datasets/url.key')

  const third = await new DatasetRig({ directory: '/data', files: disk, clock }).open()
  t.after(() => third.datasets.close())
  const lost = await third.request(uri)

  assert.equal(kept.status, 200)
  assert.equal(lost.status, 403)
})

test('ranges are answered as HTTP says', async (t) => {
  const { rig, uri } = await rigWithContent(t)
  const whole = await rig.get(uri)
  const length = whole.length

  assert.equal(await rig.get(uri, 'bytes=0-3'), whole.slice(0, 4))
  assert.equal(await rig.get(uri, 'bytes=5-'), whole.slice(5))
  assert.equal(await rig.get(uri, 'bytes=-4'), whole.slice(-4))
  assert.equal(await rig.get(uri, `bytes=2-${length + 99}`), whole.slice(2))
  for (const ignored of ['bytes=3-2', 'bytes=a-b', 'bytes=-', 'lines=0-1', 'bytes=0-1,3-4']) {
    assert.equal((await rig.request(uri, ignored)).status, 200, ignored)
  }
  const outside = await rig.request(uri, `bytes=${length}-`)
  assert.equal(outside.status, 416)
  assert.equal(outside.headers['content-range'], `bytes */${length}`)
})

test('a URL of removed content says so', async (t) => {
  const { rig, uri, version } = await rigWithContent(t)
  await rig.datasets.deleteContent('all', version)

  const { status, body } = await rig.request(uri)

  assert.equal(status, 404)
  assert.match(String(body), /<Code>NoSuchKey<\/Code>/)
})

test('behind a proxy, URLs begin with the address that is set', async (t) => {
  const files = new SimulatedDisk(seededRandom(1))
  const options = { url: 'https://connector.example/' }
  const rig = await new DatasetRig({ directory: '/data', files, options }).open()
  t.after(() => rig.datasets.close())
  await rig.define('all', definitionOf({}))

  const content = await rig.datasets.content('all', await rig.made('all'), 'http://host')

  assert.match(content?.entries[0]?.dataURI ?? '', /^https:\/\/connector\.example\/api\/v1\//)
})
