import t from 'tap'
import { Sealing } from '../../src/state/sealing.js'

const TEXT = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

t.test('what was sealed is opened by whoever knows the secret', async (t) => {
  const sealing = new Sealing(['a secret'], 'a purpose')
  const sealed = sealing.seal(TEXT, 'whe_1')
  t.not(sealed, sealing.seal(TEXT, 'whe_1'), 'never twice the same')
  t.notMatch(Buffer.from(sealed, 'base64').toString('latin1'), /whsec|MfKQ/)
  t.equal(new Sealing(['a secret'], 'a purpose').open(sealed, 'whe_1'), TEXT)
  t.equal(new Sealing(['a new one', 'a secret'], 'a purpose').open(sealed, 'whe_1'), TEXT)
})

t.test('another secret, purpose or owner, a change or a cut: it stays closed', async (t) => {
  const sealing = new Sealing(['a secret'], 'a purpose')
  const sealed = sealing.seal(TEXT, 'whe_1')
  t.equal(new Sealing(['another'], 'a purpose').open(sealed, 'whe_1'), null)
  t.equal(new Sealing(['a secret'], 'another').open(sealed, 'whe_1'), null)
  t.equal(sealing.open(sealed, 'whe_2'), null)
  const bytes = Buffer.from(sealed, 'base64')
  for (let place = 0; place < bytes.length; place += 7) {
    const changed = Buffer.from(bytes)
    changed[place] = (changed[place] ?? 0) ^ 1
    t.equal(sealing.open(changed.toString('base64'), 'whe_1'), null, `byte ${place}`)
  }
  for (const length of [0, 11, 27, 28, bytes.length - 1])
    t.equal(sealing.open(bytes.subarray(0, length).toString('base64'), 'whe_1'), null, `${length} bytes`)
})
