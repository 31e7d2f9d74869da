import t from 'tap'
import type { Presence, UserAddress } from '../../src/streams/ports.js'
import { Watch } from '../support/waiting.js'
import { connect, openStand } from './websocket-stand.js'

/** What presence was told, as `+user` and `-user`; may be away. */
class Told implements Presence {
  readonly calls: string[][] = []
  away = false
  readonly #watch = new Watch()

  async present(users: readonly UserAddress[]): Promise<void> {
    this.#note(users, '+')
  }

  async left(users: readonly UserAddress[]): Promise<void> {
    this.#note(users, '-')
  }

  async online(): Promise<readonly boolean[]> {
    return []
  }

  async list() {
    return { userIds: [], nextCursor: null, count: 0 }
  }

  until(check: (calls: readonly string[]) => boolean, what: string): Promise<boolean> {
    return this.#watch.until(() => check(this.calls.flat()), what)
  }

  #note(users: readonly UserAddress[], sign: string): void {
    this.calls.push(users.map(({ userId }) => `${sign}${userId}`))
    this.#watch.changed()
    if (this.away) throw new Error('away')
  }
}

const times = (calls: readonly string[], entry: string): number =>
  calls.filter((call) => call === entry).length

t.test('of each user it is told once, and once more when the last device has gone', async (t) => {
  const presence = new Told()
  const stand = await openStand(t, { presence })
  const devices = [await connect(t, stand, 'acme/ann'), await connect(t, stand, 'acme/ann')]
  for (const device of devices) device.ws.close()
  await presence.until((calls) => calls.includes('-ann'), 'word of her going')
  t.same(presence.calls.flat(), ['+ann', '-ann'])
})

t.test('everybody is told again and again, spread over the interval, until they go', async (t) => {
  const presence = new Told()
  const stand = await openStand(t, { presence, hub: { presenceMs: 300 } })
  const ids = Array.from({ length: 60 }, (_, n) => `u${n}`)
  const clients = await Promise.all(ids.map((id) => connect(t, stand, `acme/${id}`)))
  await presence.until((calls) => ids.every((id) => times(calls, `+${id}`) >= 3), 'everybody three times')
  const rounds = presence.calls.filter((call) => call.length > 0 && !call.includes('+u0'))
  t.ok(rounds.length > 10, 'not all at once')
  clients[0]?.ws.close()
  await presence.until((calls) => calls.includes('-u0'), 'word of one going')
  const before = times(presence.calls.flat(), '+u0')
  await presence.until((calls) => times(calls, '+u1') >= 6, 'the others again')
  t.equal(times(presence.calls.flat(), '+u0'), before)
})

t.test('what cannot be told is logged once and told with the next round', async (t) => {
  const presence = new Told()
  presence.away = true
  const stand = await openStand(t, { presence, hub: { presenceMs: 60 } })
  await connect(t, stand, 'acme/ann')
  await presence.until((calls) => times(calls, '+ann') >= 3, 'three tries')
  t.equal(stand.log.count('presence.failed'), 1)
  presence.away = false
  await presence.until((calls) => times(calls, '+ann') >= 5, 'another')
  presence.away = true
  await stand.log.next('presence.failed')
})

t.test('after the relay was away everybody is told at once', async (t) => {
  const presence = new Told()
  const stand = await openStand(t, { presence })
  const ids = Array.from({ length: 30 }, (_, n) => `u${n}`)
  await Promise.all(ids.map((id) => connect(t, stand, `acme/${id}`)))
  stand.hub.interrupted(0)
  await presence.until((calls) => ids.every((id) => times(calls, `+${id}`) === 2), 'everybody twice')
})
