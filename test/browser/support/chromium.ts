/**
 * Drives Debian's Chromium. Every page is watched: a message in the console, an exception or a
 * request to anything but the connector fails the test.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { TestContext } from 'node:test'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const PROGRAM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => existsSync(path),
)
/** For `test(…, { skip: WITHOUT_CHROMIUM }, …)`. */
export const WITHOUT_CHROMIUM =
  PROGRAM === undefined ? 'needs Chromium: apt-get install chromium' : false

/** Generous, because other tests run at the same time. */
const PATIENCE_MS = 60_000
export const DESKTOP = { width: 1280, height: 720 }
export const PHONE = { width: 390, height: 844 }

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export interface OpenedPage {
  readonly page: Page
  /** What was not as it should be, since the page was opened. */
  readonly complaints: string[]
}

export async function launchedBrowser(t: TestContext): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: PROGRAM ?? '',
    // Tests run as root in containers, where its sandbox does not start.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  })
  t.after(() => browser.close())
  return browser
}

/** A page of its own browser, unless one is given. */
export async function openPage(
  t: TestContext,
  url: string,
  options: BrowserContextOptions & { readonly browser?: Browser } = {},
): Promise<OpenedPage> {
  const { browser = await launchedBrowser(t), ...rest } = options
  const context = await browser.newContext({
    viewport: DESKTOP,
    locale: 'en-GB',
    timezoneId: 'UTC',
    ...rest,
  })
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  const complaints = watched(page, new URL(url).origin)
  await page.goto(url, { waitUntil: 'domcontentloaded' })
  return { page, complaints }
}

function watched(page: Page, origin: string): string[] {
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(`console: ${message.text()}`))
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`))
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) complaints.push(`request: ${request.url()}`)
  })
  return complaints
}

/** Waits until the text is on the page. */
export async function shows(page: Page, text: string | RegExp): Promise<void> {
  await page.getByText(text).first().waitFor()
}

interface Violation {
  readonly id: string
  readonly impact: string | null
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
}

/** Asserts that axe finds nothing that is serious or critical. */
export async function isAccessible(page: Page): Promise<void> {
  await page.evaluate(axe)
  const violations = await page.evaluate<readonly Violation[]>(
    'axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations)',
  )
  const serious = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`)
  assert.deepEqual(serious, [])
}

/** Asserts that nothing makes the page wider than the window. */
export async function fitsItsWidth(page: Page): Promise<void> {
  const [content, window] = await page.evaluate<[number, number]>(
    '[document.documentElement.scrollWidth, innerWidth]',
  )
  assert.ok(content <= window, `the page is ${content} px wide, the window ${window} px`)
}
