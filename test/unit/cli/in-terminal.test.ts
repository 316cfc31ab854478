/** `top`, `status` and `tail` in a real terminal: what it shows, and that it is given back. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { FakeOperator, troubledOverview } from '../../support/http/fake-operator.ts'
import { skipWithout } from '../../support/processes/real-peers.ts'
import { Terminal, type TerminalOptions } from '../../support/processes/tmux.ts'
import { until } from '../../support/until.ts'

const skip = skipWithout('tmux')
const MAIN = join(import.meta.dirname, '..', '..', '..', 'src', 'cli', 'main.js')
const TITLE = /\[Channels \d+\]/

/** A terminal whose shell knows the program as `connector`, and a connector in trouble. */
async function rig(t: TestContext, options: TerminalOptions = {}) {
  const operator = await new FakeOperator().open(t)
  operator.overview = troubledOverview()
  const terminal = await Terminal.open(t, { ...options, env: { TZ: 'UTC', ...options.env } })
  await terminal.enter(
    `connector() { '${process.execPath}' '${MAIN}' "$@" --url ${operator.url}; }`,
  )
  await terminal.enter('saved=$(stty -g); clear')
  return { operator, terminal }
}

/** The alternate screen is left, the cursor is there, and the terminal's settings are as before. */
async function assertGivenBack(terminal: Terminal): Promise<void> {
  await terminal.enter('[ "$(stty -g)" = "$saved" ] && echo same "settings" || stty -a')
  await terminal.shows(/^same settings$/m)
  assert.deepEqual(await terminal.mode(), { isAlternate: false, hasCursor: true })
  assert.doesNotMatch(await terminal.text(), TITLE)
}

test('top takes the whole screen, and q gives it back', { skip }, async (t) => {
  const { operator, terminal } = await rig(t)

  await terminal.enter('connector top; echo code "$?"')
  await terminal.shows(TITLE)
  assert.deepEqual(await terminal.mode(), { isAlternate: true, hasCursor: false })
  await terminal.press('q')
  await terminal.shows(/^code 0$/m)

  await assertGivenBack(terminal)
  await until('the stream is closed', () => operator.streams === 0)
})

test('keys change the page, the filter and the rows of top', { skip }, async (t) => {
  const { terminal } = await rig(t)
  await terminal.enter('connector top')
  await terminal.shows(/^> alarms /m)

  await terminal.press('Down')
  await terminal.shows(/^> line_1 /m)
  await terminal.press('s')
  await terminal.shows(/sorted by in/)
  await terminal.press('/', 'a', 'l')
  await terminal.shows(/\/al_/)
  await terminal.press('Enter')
  await terminal.shows(/^> alarms /m)
  assert.doesNotMatch(await terminal.text(), /line_1 +1,100/)
  await terminal.press('Tab')
  await terminal.shows(/\[Destinations 1\]/)
})

test('Enter shows the messages of a channel, Esc the table again', { skip }, async (t) => {
  const { operator, terminal } = await rig(t)
  operator.tail = {
    channel: 'alarms',
    from: 0,
    next: 1081,
    skipped: 1080,
    messages: [
      {
        offset: 1080,
        receivedAt: operator.overview.now,
        topic: 'a/b',
        messageId: 'm',
        payload: 'x\u001B[2J\u202E',
      },
    ],
  }
  await terminal.enter('connector top')
  await terminal.shows(TITLE)

  await terminal.press('Enter')
  await terminal.shows(/^alarms {2}1,080 skipped$/m)
  await terminal.shows(/a\/b {2}x\\u001b\[2J\\u202e/)
  assert.ok(operator.topics.includes('tail:alarms'))
  await terminal.press('Escape')
  await terminal.shows(TITLE)
})

test('p keeps what is shown until it is pressed again', { skip }, async (t) => {
  const { operator, terminal } = await rig(t)
  await terminal.enter('connector top')
  await terminal.shows(TITLE)

  await terminal.press('p')
  await terminal.shows(/PAUSED/)
  operator.overview = { ...operator.overview, instance: 'renamed' }
  operator.tick()
  await terminal.press('Tab')
  await terminal.shows(/\[Destinations 1\]/)
  assert.match(await terminal.text(), /^gateway-7 /m)
  await terminal.press('p')

  await terminal.shows(/^renamed /m)
})

test('top follows the size of the terminal', { skip }, async (t) => {
  const { terminal } = await rig(t)
  await terminal.enter('connector top')
  await terminal.shows(/Tab page/)

  await terminal.resize(60, 16)
  await terminal.shows(/^> alarms +4\/s[^\n]*$/m)
  await until('the keys are in the last row', async () =>
    /Tab page/.test((await terminal.text()).split('\n')[15] ?? ''),
  )
  await terminal.resize(120, 40)

  await until('the keys are in the last row', async () =>
    /q quit/.test((await terminal.text()).split('\n')[39] ?? ''),
  )
})

test('Ctrl-Z gives the terminal back, and fg takes it again', { skip }, async (t) => {
  const { terminal } = await rig(t)
  await terminal.enter('connector top')
  await terminal.shows(TITLE)

  await terminal.press('C-z')
  await terminal.shows(/Stopped/)
  await assertGivenBack(terminal)
  await terminal.enter('fg')
  await terminal.shows(TITLE)
  assert.deepEqual(await terminal.mode(), { isAlternate: true, hasCursor: false })
  await terminal.press('C-c')

  await terminal.shows(/^\$ *$/m)
  await assertGivenBack(terminal)
})

for (const signal of ['TERM', 'HUP', 'INT']) {
  test(`top that gets SIG${signal} gives the terminal back`, { skip }, async (t) => {
    const { terminal } = await rig(t)
    await terminal.enter('connector top & top=$!; fg')
    await terminal.shows(TITLE)

    await terminal.press('C-z')
    await terminal.shows(/Stopped/)
    await terminal.enter(`clear; (sleep 0.5; kill -${signal} $(pgrep -P $top)) & fg %1`)
    await terminal.shows(/^\$ *$/m)

    await assertGivenBack(terminal)
  })
}

test('a program that crashes gives the terminal back and shows why', { skip }, async (t) => {
  const { terminal } = await rig(t)
  const script = join(MAIN, '../../../test/support/processes/crashing-screen.js')
  await terminal.enter(`'${process.execPath}' '${script}'; echo code "$?"`)
  await terminal.shows(/^press a key$/m)

  await terminal.press('x')
  await terminal.shows(/^code 1$/m)

  assert.match(await terminal.text(), /Error: a bug/)
  await assertGivenBack(terminal)
})

test('top says since when the connector does not answer, and goes on when it does', {
  skip,
}, async (t) => {
  const { operator, terminal } = await rig(t)
  const port = Number(new URL(operator.url).port)
  await terminal.enter('connector top')
  await terminal.shows(TITLE)

  await operator.close()
  await terminal.shows(/^No answer from gateway-7 since \d\d:\d\d:\d\d, trying again: /m)
  const again = new FakeOperator()
  again.overview = { ...troubledOverview(), instance: 'restarted' }
  await again.open(t, port)

  await terminal.shows(/^restarted /m)
  assert.doesNotMatch(await terminal.text(), /No answer/)
})

test('a connector that hangs is noticed', { skip }, async (t) => {
  const { operator, terminal } = await rig(t)
  await terminal.enter('connector top')
  await terminal.shows(TITLE)

  operator.isHanging = true

  await terminal.shows(/^No answer from gateway-7 since .*: it has said nothing for 5 s/m)
})

test('no command sets white, black or a background', { skip }, async (t) => {
  const { terminal } = await rig(t, { columns: 120, rows: 40 })
  const shown: string[] = []
  await terminal.enter('connector status; echo code "$?"')
  await terminal.shows(/^code 3$/m)
  shown.push(await terminal.colouredText())
  await terminal.enter('connector top')
  await terminal.shows(TITLE)
  shown.push(await terminal.colouredText())
  await terminal.press('q')

  for (const text of shown) {
    const codes = [...text.matchAll(/\[([\d;]+)m/g)].flatMap(([, list = '']) =>
      list.split(';').map(Number),
    )
    assert.ok(codes.includes(33), 'it has colours')
    assert.deepEqual(
      codes.filter((code) => code >= 30 && ![31, 32, 33, 36, 39, 49].includes(code)),
      [],
    )
  }
})

test('top in a pipe prints one frame without colours', { skip }, async (t) => {
  const { terminal } = await rig(t)

  await terminal.enter('set -o pipefail; connector top | cat; echo code "$?"')
  await terminal.shows(/^code 0$/m)

  const text = await terminal.colouredText()
  assert.match(text, /^line_1 +1,100\/s/m)
  assert.doesNotMatch(text, /\[33m/)
})

test('tail in a terminal shows hostile payloads, and Ctrl-C ends it', { skip }, async (t) => {
  const { operator, terminal } = await rig(t)
  operator.messages = [
    {
      offset: 0,
      receivedAt: operator.overview.now,
      topic: 'a/b',
      messageId: 'm',
      payload: 'x\u001B[2J\u202E\u0007',
    },
  ]

  await terminal.enter('connector tail pumps -o raw; connector tail pumps --follow --from earliest')
  await terminal.shows(/^x\\u001b\[2J\\u202e\\u0007$/m)
  await terminal.shows(/ {2}a\/b {2}messageId=m {2}x\\u001b\[2J\\u202e\\u0007$/m)
  assert.match(await terminal.colouredText(), /\[36ma\/b/)
  await terminal.press('C-c')

  await assertGivenBack(terminal)
})
