import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Owners } from '../../../../../src/sources/mqtt-server/limits/owner.ts'

test('all sessions of a user have one owner, and each anonymous client has its own', () => {
  const owners = new Owners()
  const owner = owners.of('pump')
  owner.sessions = 2

  assert.equal(owners.of('pump'), owner)
  assert.notEqual(owners.of('valve'), owner)
  assert.notEqual(owners.of(undefined), owners.of(undefined))
})

test('an owner is forgotten as soon as it holds nothing any more', () => {
  const owners = new Owners()
  const owner = owners.of('pump')
  owner.sessions = 1
  owner.willBytes = 10
  owner.sessions = 0
  owners.released(owner)
  const whileItHolds = owners.count
  owner.willBytes = 0
  owners.released(owner)

  assert.equal(whileItHolds, 1)
  assert.equal(owners.count, 0)
})
