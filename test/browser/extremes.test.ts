/** Figures and names at their limits: nothing runs, and nothing overflows. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PAGES } from '../../dashboard/route.ts'
import { DESKTOP, fitsItsWidth, openPage, PHONE, WITHOUT_CHROMIUM } from './support/chromium.ts'
import { SampleConnector } from './support/sample-connector.ts'
import {
  channelRow,
  sampleDestinationList,
  sampleDestinations,
  sampleMessage,
  sampleOverview,
} from './support/sample-data.ts'
import {
  account,
  sampleClients,
  sampleDeadLetters,
  sampleLedger,
} from './support/sample-page-data.ts'

const skip = WITHOUT_CHROMIUM

/** Without a place to break, with markup, a change of the reading order and a colour. */
const NAME = `<img src=x onerror=alert(1)>\u202e\u001b[31m${'n'.repeat(10_000)}`
const MANY = 10 ** 15
const CHANNELS = 200
const LETTERS = 1_000

function becomeExtreme(connector: SampleConnector): void {
  connector.skewMs = 3_600_000
  connector.overviewAt = (now) => {
    const plain = sampleOverview(now)
    const large = { in: MANY, out: MANY, waiting: MANY, inFlight: MANY, lost: MANY }
    const verdict = { ...plain.verdict, text: NAME, summary: NAME, problems: [NAME, NAME] }
    return {
      ...plain,
      instance: NAME,
      verdict,
      rates: { in: MANY, stored: MANY, delivered: MANY },
      received: MANY,
      waiting: { ...plain.waiting, messages: MANY },
      outageLeft: { seconds: MANY, bound: 'storage.maxBytes', channel: NAME },
      lost: { hour: MANY, total: MANY, code: NAME },
      deadLetters: MANY,
      disk: { bytes: MANY, maxBytes: MANY, historyBytes: MANY, freeBytes: MANY },
      sources: plain.sources.map((one) => ({ ...one, name: NAME, description: NAME, in: MANY })),
      channels: Array.from({ length: CHANNELS }, (_, n) => channelRow(`${n} ${NAME}`, large)),
      channelCount: CHANNELS,
      destinations: sampleDestinations(now).map((one) => ({ ...one, name: NAME, out: MANY })),
    }
  }
  connector.destinationsAt = (now) => {
    const { destinations, ...rest } = sampleDestinationList(now)
    const hostile = { name: NAME, description: NAME, waiting: MANY, error_message: NAME }
    return { ...rest, destinations: destinations.map((one) => ({ ...one, ...hostile })) }
  }
  connector.tailMessages = (now, from) => [
    { ...sampleMessage(now, from), topic: NAME, id: NAME, payload: NAME },
  ]
  connector.pages.clients = (now) => {
    const { clients, refused, ...rest } = sampleClients(now)
    const hostile = { user: NAME, clientId: NAME, lastTopic: NAME, in: MANY, received: MANY }
    return {
      ...rest,
      clients: clients.map((one) => ({ ...one, ...hostile })),
      refused: refused.map((one) => ({ ...one, who: NAME, reason: NAME, times: MANY })),
    }
  }
  connector.pages.ledger = (now) => {
    const row = account({ received: MANY, delivered: 1, dropped: { QueueFull: 3 } })
    const { total: _total, ...rest } = sampleLedger(now)
    return { ...rest, total: row, channels: [{ channel: NAME, ...row }] }
  }
  connector.pages.letters = Array.from({ length: LETTERS }, (_, offset) => ({
    ...(sampleDeadLetters(Date.now())[0] ?? assert.fail('no sample')),
    offset,
    channel: NAME,
    error: NAME,
    error_message: NAME,
    topic: NAME,
    payload: NAME,
  }))
  connector.pages.rows = [JSON.stringify({ [NAME]: NAME, number: MANY })]
}

for (const viewport of [DESKTOP, PHONE]) {
  test(`long names and huge numbers fit into ${viewport.width} px on every page, as text`, {
    skip,
  }, async (t) => {
    const connector = await SampleConnector.started(t)
    becomeExtreme(connector)
    const { page, complaints } = await openPage(t, connector.url, { viewport })
    await page.locator('.verdict').waitFor()

    for (const hash of [...PAGES, `channels/${encodeURIComponent(NAME.slice(0, 60))}`]) {
      await page.goto(`${connector.url}#/${hash}`)
      await page.locator('main h1, main .tile').first().waitFor()
      // As the tick after it shows it.
      connector.tick()
      await page.locator('.link-state.is-live').waitFor()

      await fitsItsWidth(page)
      assert.equal(await page.locator('main img[src]').count(), 0)
    }
    assert.deepEqual(complaints, [])
  })
}
