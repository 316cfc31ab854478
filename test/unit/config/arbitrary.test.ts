/** Whatever is thrown at the configuration: it is taken, or refused as `InvalidConfiguration`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseConfigDocument } from '../../../src/config/inputs/config-file.ts'
import { applyOverride } from '../../../src/config/inputs/overrides.ts'
import { checkConfig } from '../../../src/config/parse-config.ts'
import { ConfigTree } from '../../../src/config/schema/config-tree.ts'
import { SchemaIndex } from '../../../src/config/schema/schema-index.ts'
import { ConnectorError } from '../../../src/errors.ts'
import { faultOfTopicFilter } from '../../../src/topics.ts'

const known = new SchemaIndex()
const paths = known.paths().map((path) => path.join('.'))

async function isTakenOrRefused(action: () => unknown): Promise<void> {
  try {
    await action()
  } catch (thrown) {
    assert(thrown instanceof ConnectorError, String(thrown))
    assert.equal(thrown.code, 'InvalidConfiguration')
  }
}

const section = fc.oneof(fc.jsonValue(), fc.dictionary(fc.string(), fc.jsonValue()))

test('any document', async () => {
  const keys = known.keysAt([])
  const document = fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), section)

  await fc.assert(
    fc.asyncProperty(document, async (value) => {
      await isTakenOrRefused(async () => {
        const tree = new ConfigTree()
        tree.merge(value, () => 'here')
        checkConfig(tree, known, {})
      })
    }),
    { numRuns: 300 },
  )
})

test('any value at any path of --set', async () => {
  const path = fc.oneof(fc.constantFrom(...paths), fc.string())
  const override = fc.tuple(path, fc.oneof(fc.string(), fc.json())).map((pair) => pair.join('='))

  await fc.assert(
    fc.asyncProperty(fc.array(override, { maxLength: 4 }), async (overrides) => {
      await isTakenOrRefused(async () => {
        const tree = new ConfigTree()
        for (const given of overrides) await applyOverride(given, tree, known)
        checkConfig(tree, known, {})
      })
      assert.equal(Object.getPrototypeOf({}), Object.prototype)
      assert.deepEqual(Object.keys(Object.prototype), [])
    }),
    { numRuns: 500 },
  )
})

test('any text as a file', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: fc.constantFrom(...'ab:-[]{}"\' \n#&*!|>%@?,') }),
      async (text) => {
        await isTakenOrRefused(() => parseConfigDocument('connector.yaml', text).locate(['a', 0]))
      },
    ),
    { numRuns: 500 },
  )
})

test('a topic filter without wildcards is right whatever it says', () => {
  const topic = fc
    .string({ minLength: 1, maxLength: 60 })
    .filter((text) => !/[+#\0]/.test(text) && !text.startsWith('$share/'))

  fc.assert(fc.property(topic, (filter) => faultOfTopicFilter(filter) === undefined))
})
