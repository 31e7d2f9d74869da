import t from 'tap'
import { Quarantine } from '../../src/rendering/quarantine.js'

function aQuarantine() {
  let now = 5_000
  const quarantine = new Quarantine(1_000, () => now)
  return {
    quarantine,
    pass: (ms: number): void => {
      now += ms
    },
  }
}

t.test('a tenant stays for ten minutes after its last offence', async (t) => {
  const { quarantine, pass } = aQuarantine()
  t.equal(quarantine.holds('evil'), false)
  quarantine.put('evil')
  t.equal(quarantine.holds('good'), false)
  pass(599_000)
  t.equal(quarantine.holds('evil'), true)
  quarantine.put('evil')
  pass(599_000)
  quarantine.charge('evil', 10)
  t.equal(quarantine.holds('evil'), true)
  pass(2_000)
  t.equal(quarantine.holds('evil'), false, 'what it has cost does not make it longer')
})

t.test('a tenant is released', async (t) => {
  const { quarantine } = aQuarantine()
  quarantine.put('slow')
  quarantine.release('slow')
  t.equal(quarantine.holds('slow'), false)
})

t.test('it may spend so much at once, and a tenth of the time that passes', async (t) => {
  const { quarantine, pass } = aQuarantine()
  quarantine.put('evil')
  quarantine.charge('evil', 999)
  t.equal(quarantine.waitMs('evil'), 0)
  quarantine.charge('evil', 400)
  t.equal(quarantine.waitMs('evil'), 4_000)
  quarantine.put('evil')
  t.equal(quarantine.waitMs('evil'), 4_000, 'another offence forgives nothing')
  pass(3_990)
  t.equal(quarantine.waitMs('evil'), 10)
  pass(10)
  t.equal(quarantine.waitMs('evil'), 0)
  pass(500_000)
  quarantine.charge('evil', 1_000)
  t.equal(quarantine.waitMs('evil'), 10, 'what it does not spend is not saved')
})

t.test('others are not charged', async (t) => {
  const { quarantine } = aQuarantine()
  quarantine.charge('good', 5_000)
  t.equal(quarantine.waitMs('good'), 0)
})

t.test('the oldest of a thousand tenants makes room', async (t) => {
  const { quarantine } = aQuarantine()
  for (let n = 0; n <= 1_000; n += 1) quarantine.put(`t${n}`)
  t.equal(quarantine.holds('t0'), false)
  t.equal(quarantine.holds('t1'), true)
  t.equal(quarantine.holds('t1000'), true)
})
