// The official client (npm `openwhisk`) against `reeve openwhisk-server`: what people do with it has
// to work, and what goes wrong has to read as it does on OpenWhisk.
//
//   OW_API=http://127.0.0.1:3233/api/v1/ OW_KEY=uuid:secret node --test client_test.js
'use strict'

const assert = require('node:assert')
const test = require('node:test')
const openwhisk = require('openwhisk')

const options = { api: process.env.OW_API, api_key: process.env.OW_KEY, namespace: '_' }
const ow = openwhisk(options)
const code = 'function main(params) { return params }'

// What the call fails with.
async function failure (promise) {
  return promise.then(() => assert.fail('it should have failed'), error => error)
}

async function until (what) {
  for (let i = 0; i < 200; ++i) {
    const value = await what().catch(() => undefined)
    if (value) return value
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  assert.fail('waited for too long')
}

function annotation (entity, key) {
  const found = entity.annotations.find(one => one.key === key)
  return found && found.value
}

test('namespaces are those of the key', async () => {
  assert.deepStrictEqual(await ow.namespaces.list(), ['guest'])
})

test('actions: create, get, list, update, delete', async () => {
  const created = await ow.actions.create({ name: 'crud', action: code, params: { a: 1 } })
  assert.strictEqual(created.namespace, 'guest')
  assert.strictEqual(created.version, '0.0.1')
  assert.ok(created.exec.kind.startsWith('nodejs'))
  assert.strictEqual(created.exec.code, code)
  assert.deepStrictEqual(created.parameters, [{ key: 'a', value: 1 }])
  const bare = await ow.actions.get({ name: 'crud', code: false })
  assert.strictEqual(bare.exec.code, undefined)
  assert.ok((await ow.actions.list({ limit: 200 })).some(action => action.name === 'crud'))
  const updated = await ow.actions.update({ name: 'crud', limits: { memory: 512 } })
  assert.strictEqual(updated.version, '0.0.2')
  assert.strictEqual(updated.limits.memory, 512)
  assert.strictEqual(updated.limits.timeout, created.limits.timeout)
  assert.strictEqual(updated.exec.code, code)
  assert.strictEqual((await ow.actions.delete('crud')).name, 'crud')
})

test('actions: what goes wrong says so', async () => {
  const missing = await failure(ow.actions.get('missing'))
  assert.strictEqual(missing.statusCode, 404)
  assert.match(missing.message, /The requested resource does not exist\./)
  await ow.actions.create({ name: 'twice', action: code })
  const twice = await failure(ow.actions.create({ name: 'twice', action: code }))
  assert.strictEqual(twice.statusCode, 409)
  assert.match(twice.message, /resource already exists/)
  const small = await failure(ow.actions.update({ name: 'twice', limits: { memory: 1 } }))
  assert.strictEqual(small.statusCode, 400)
  assert.match(small.message, /memory 1 MB below allowed threshold of 134217728 B/)
  const foreign = await failure(ow.actions.get({ name: 'x', namespace: 'somebody' }))
  assert.strictEqual(foreign.statusCode, 403)
  const stranger = openwhisk({ ...options, api_key: 'not:me' })
  const refused = await failure(stranger.actions.list())
  assert.strictEqual(refused.statusCode, 401)
  assert.match(refused.message, /The supplied authentication is invalid/)
  await ow.actions.delete('twice')
})

test('invocations: blocking, result, non-blocking', async () => {
  await ow.actions.create({ name: 'run', action: code, params: { a: 1 } })
  const whole = await ow.actions.invoke({ name: 'run', blocking: true, params: { b: 2 } })
  assert.strictEqual(whole.response.success, true)
  assert.deepStrictEqual(whole.response.result, { a: 1, b: 2 })
  assert.ok(annotation(whole, 'initTime') > 0, 'the first one is cold')
  assert.strictEqual(annotation(whole, 'path'), 'guest/run')
  const warm = await ow.actions.invoke({ name: 'run', blocking: true })
  assert.strictEqual(annotation(warm, 'initTime'), undefined)
  const result = await ow.actions.invoke({ name: 'run', blocking: true, result: true })
  assert.deepStrictEqual(result, { a: 1 })
  const failed = await failure(
    ow.actions.invoke({ name: 'run', blocking: true, params: { error: 'as told' } }))
  assert.strictEqual(failed.statusCode, 502)
  assert.match(failed.message, /as told/)
  const { activationId } = await ow.actions.invoke({ name: 'run' })
  assert.match(activationId, /^[0-9a-f]{32}$/)
  const record = await until(() => ow.activations.get(activationId))
  assert.strictEqual(record.name, 'run')
  // A new version leaves the warm container behind.
  await ow.actions.update({ name: 'run', limits: { memory: 128 } })
  const again = await ow.actions.invoke({ name: 'run', blocking: true })
  assert.ok(annotation(again, 'initTime') > 0)
  await ow.actions.delete('run')
})

test('sequences, and the samples of the system', async () => {
  const sorted = await ow.actions.invoke({ name: '/whisk.system/utils/sort', blocking: true })
  assert.strictEqual(sorted.response.success, true)
  const sequence = await ow.actions.create({
    name: 'chain', sequence: ['/whisk.system/utils/echo', '/whisk.system/utils/cat']
  })
  assert.strictEqual(sequence.exec.kind, 'sequence')
  assert.strictEqual(sequence.exec.components.length, 2)
  const ran = await ow.actions.invoke({ name: 'chain', blocking: true, params: { x: 1 } })
  assert.deepStrictEqual(ran.response.result, { x: 1 })
  assert.strictEqual(ran.logs.length, 2)
  await ow.actions.delete('chain')
})

test('activations: list, get, logs, result', async () => {
  await ow.actions.create({ name: 'seen', action: code })
  const since = (await ow.actions.invoke({ name: 'seen', blocking: true })).start
  const last = await ow.actions.invoke({ name: 'seen', blocking: true, params: { n: 2 } })
  const list = await ow.activations.list({ name: 'seen', since, limit: 10 })
  assert.strictEqual(list.length, 2)
  assert.strictEqual(list[0].activationId, last.activationId, 'newest first')
  assert.strictEqual(typeof list[0].duration, 'number')
  const one = await ow.activations.get({ name: last.activationId })
  assert.deepStrictEqual(one.response.result, { n: 2 })
  assert.deepStrictEqual(await ow.activations.logs({ name: last.activationId }), { logs: [] })
  assert.deepStrictEqual((await ow.activations.result({ name: last.activationId })).result, { n: 2 })
  await ow.actions.delete('seen')
})

test('packages: create, bind, invoke, delete', async () => {
  const created = await ow.packages.create({ name: 'box', package: { parameters: [{ key: 'p', value: 1 }] } })
  assert.strictEqual(created.version, '0.0.1')
  assert.deepStrictEqual(created.annotations, [])
  await ow.actions.create({ name: 'box/inner', action: code })
  assert.strictEqual((await ow.packages.get('box')).actions[0].name, 'inner')
  assert.deepStrictEqual(
    await ow.actions.invoke({ name: 'box/inner', blocking: true, result: true }), { p: 1 })
  const full = await failure(ow.packages.delete('box'))
  assert.strictEqual(full.statusCode, 409)
  assert.match(full.message, /Package not empty/)
  await ow.actions.delete('box/inner')
  assert.strictEqual((await ow.packages.update({ name: 'box' })).version, '0.0.2')
  assert.ok((await ow.packages.list()).some(one => one.name === 'box'))
  await ow.packages.delete('box')
})

test('triggers and rules: create, fire, disable, delete', async () => {
  await ow.actions.create({ name: 'fired', action: code })
  const trigger = await ow.triggers.create({ name: 'bell' })
  assert.deepStrictEqual(trigger.limits, {})
  const rule = await ow.rules.create({ name: 'link', action: 'fired', trigger: 'bell' })
  assert.deepStrictEqual(rule.action, { path: 'guest', name: 'fired' })
  assert.strictEqual(rule.status, 'active')
  const { activationId } = await ow.triggers.invoke({ name: 'bell', params: { x: 1 } })
  const rung = await ow.activations.get(activationId)
  const log = JSON.parse(rung.logs[0])
  assert.strictEqual(log.rule, 'guest/link')
  const ran = await until(() => ow.activations.get(log.activationId))
  assert.deepStrictEqual(ran.response.result, { x: 1 })
  await ow.rules.disable({ name: 'link' })
  assert.strictEqual((await ow.rules.get('link')).status, 'inactive')
  await ow.rules.enable({ name: 'link' })
  assert.ok((await ow.rules.list()).some(one => one.name === 'link'))
  await ow.rules.delete('link')
  assert.strictEqual((await ow.triggers.update({ name: 'bell' })).version, '0.0.2')
  assert.ok((await ow.triggers.list()).some(one => one.name === 'bell'))
  await ow.triggers.delete('bell')
  await ow.actions.delete('fired')
})

test('throttles refuse with their text', async () => {
  const hasty = openwhisk({ ...options, api_key: process.env.OW_HASTY_KEY })
  await hasty.actions.create({ name: 'often', action: code })
  // One a minute: of three, whichever minute they fall into, one is too many.
  const all = []
  for (let i = 0; i < 3; ++i) {
    all.push(await hasty.actions.invoke({ name: 'often' }).catch(error => error))
  }
  const refused = all.find(one => one instanceof Error)
  assert.strictEqual(refused.statusCode, 429)
  assert.match(refused.message, /Too many requests in the last minute \(count: 2, allowed: 1\)\./)
})
