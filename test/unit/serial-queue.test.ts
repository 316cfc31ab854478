import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SerialQueue } from '../../src/serial-queue.ts'

test('a task begins when the one before it has settled, in the order they were given', async () => {
  const queue = new SerialQueue()
  const steps: string[] = []
  let endFirst = () => {}
  const firstMayEnd = new Promise<void>((resolve) => {
    endFirst = resolve
  })

  const first = queue.run(async () => {
    steps.push('first begins')
    await firstMayEnd
    steps.push('first ends')
    return 1
  })
  const second = queue.run(async () => steps.push('second'))
  await Promise.resolve()
  endFirst()

  assert.equal(await first, 1)
  await second
  assert.deepEqual(steps, ['first begins', 'first ends', 'second'])
})

test('a task that fails rejects for its caller and does not stop the tasks after it', async () => {
  const queue = new SerialQueue()

  const failing = queue.run(() => Promise.reject(new Error('no')))
  const next = queue.run(async () => 'done')

  await assert.rejects(failing, /no/)
  assert.equal(await next, 'done')
})
