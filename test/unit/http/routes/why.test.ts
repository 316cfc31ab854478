import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonOf, serve } from '../../../support/http/served-view.ts'

test('what happened to a message is JSON or sentences, and 404 if nothing is known', async (t) => {
  const { url } = await serve(t)

  const text = await fetch(`${url}/why/a%2Fb?format=text`)
  const json = await fetch(`${url}/why/a%2Fb`)
  const unknown = await fetch(`${url}/why/c`)

  assert.equal(await text.text(), 'It came.\nIt went.\n\nNote: Not all was looked at.\n')
  assert.equal((await jsonOf(json)).messages[0].channel, 'pumps')
  assert.equal(unknown.status, 404)
})
