/** The contract of clients of the nucleus's IPC: configuration and its changes. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Character } from '../../support/greengrass/character.ts'
import { isObject } from '../../support/greengrass/json-text.ts'
import { until } from '../../support/until.ts'
import { answeredWith, COMPONENT, CONFIGURATION, openSite, SENDER } from './ipc-site.ts'
import type { IpcUnderTest } from './ipc-under-test.ts'

export function testConfiguration(under: IpcUnderTest, character: Character): void {
  const isLite = character.name === 'lite'
  /** Lite has strings where classic has other types. */
  const scalar = (value: unknown) => (isLite ? String(value) : value)

  describe(`${under.name} reads its configuration on the ${character.name} nucleus`, () => {
    test('the whole configuration comes with the types that the nucleus keeps', async (t) => {
      const { client } = await openSite(t, under, character)

      const { componentName, value } = await client.configuration.get({ keyPath: [] })

      assert.equal(componentName, COMPONENT)
      const { accessControl, ...others } = CONFIGURATION
      const { accessControl: policies, ...kept } = isObject(value) ? value : {}
      assert.deepEqual(policies, accessControl)
      assert.deepEqual(kept, {
        ...others,
        batchSize: scalar(others.batchSize),
        isEager: scalar(others.isEager),
      })
    })

    test('an object comes as it is, a scalar in an object with its key', async (t) => {
      const { client } = await openSite(t, under, character)
      const valueAt = async (...keyPath: string[]) =>
        (await client.configuration.get({ keyPath })).value

      assert.deepEqual(await valueAt('inputs'), { hall: 'factory/#' })
      assert.deepEqual(await valueAt('inputs', 'hall'), { hall: 'factory/#' })
      assert.deepEqual(await valueAt('batchSize'), { batchSize: scalar(5) })
      assert.deepEqual(await valueAt('isEager'), { isEager: scalar(true) })
    })

    test('a key that is missing is not found', async (t) => {
      const { client } = await openSite(t, under, character)

      const missing = client.configuration.get({ keyPath: ['inputs', 'yard'] })

      await assert.rejects(missing, answeredWith(under, 'ResourceNotFoundError'))
    })

    test('another component is named; the nucleus answers for its own component', async (t) => {
      const { client } = await openSite(t, under, character)
      const getLite = client.configuration.get({
        componentName: 'aws.greengrass.NucleusLite',
        keyPath: [],
      })

      if (isLite) await getLite
      else await assert.rejects(getLite, answeredWith(under, 'ResourceNotFoundError'))

      const other = await client.configuration.get({
        componentName: SENDER,
        keyPath: ['accessControl'],
      })
      assert.equal(other.componentName, SENDER)
    })

    test('a change is reported with its key path, and the new value can be read', async (t) => {
      const { nucleus, client } = await openSite(t, under, character)
      const changes: string[] = []
      await client.configuration.subscribe({ keyPath: [] }, (at) => changes.push(at.join('/')))

      nucleus.configure(COMPONENT, ['inputs', 'yard'], 'yard/#')

      const expected = Array.from(
        { length: character.eventsPerConfigurationChange },
        () => 'inputs/yard',
      )
      await until('it was reported', () => changes.length === expected.length)
      assert.deepEqual(changes, expected)
      const { value } = await client.configuration.get({ keyPath: ['inputs'] })
      assert.deepEqual(value, { hall: 'factory/#', yard: 'yard/#' })
    })

    test('changes elsewhere are not reported', async (t) => {
      const { nucleus, client } = await openSite(t, under, character)
      const changes: string[] = []
      const key = { keyPath: ['inputs'] }
      await client.configuration.subscribe(key, (at) => changes.push(at.join('/')))

      nucleus.configure(COMPONENT, ['region'], 'eu-north-1')
      nucleus.configure(SENDER, ['inputs'], { hall: 'x' })
      nucleus.configure(COMPONENT, ['inputs', 'hall'], 'hall/#')

      await until('a change was reported', () => changes.length > 0)
      assert.deepEqual([...new Set(changes)], ['inputs/hall'])
    })

    if (isLite) {
      test('there are no questions whether a configuration is valid', async (t) => {
        const { client } = await openSite(t, under, character)

        const listening = client.configuration.validate(() => {})

        await assert.rejects(listening, answeredWith(under, 'ServiceError'))
      })
      return
    }

    test('a proposed configuration is accepted or rejected', async (t) => {
      const { nucleus, client } = await openSite(t, under, character)
      await client.configuration.validate((deploymentId, proposed) => {
        const isGood = JSON.stringify(proposed) === '{"region":"eu-west-1"}'
        const report = isGood
          ? ({ deploymentId, status: 'ACCEPTED' } as const)
          : ({ deploymentId, status: 'REJECTED', message: 'no such region' } as const)
        void client.configuration.report(report)
      })

      const accepted = await nucleus.propose(COMPONENT, { region: 'eu-west-1' })
      const rejected = await nucleus.propose(COMPONENT, { region: 'moon' })

      assert.deepEqual(accepted, { status: 'ACCEPTED' })
      assert.deepEqual(rejected, { status: 'REJECTED', message: 'no such region' })
    })

    test('a report about an unknown deployment is refused', async (t) => {
      const { client } = await openSite(t, under, character)

      const reported = client.configuration.report({ deploymentId: 'x', status: 'ACCEPTED' })

      await assert.rejects(reported, answeredWith(under, 'InvalidArgumentsError'))
    })
  })
}
