import { markIn } from '../load/bodies.js'
import { Latencies, sharedNow } from '../load/latencies.js'
import { openSockets } from '../load/open-sockets.js'
import { answering } from '../stand/answering.js'
import { type Fields, number, text } from '../stand/fields.js'

const LOST_AFTER_MS = 15_000

interface Audience {
  readonly size: number
  /** Frames since it was opened. */
  frames: number
  lastAt: number
  onFrame: (mark: number) => void
}

const audiences = new Map<string, Audience>()

answering({ open, everyone, lateness })

async function open(fields: Fields): Promise<Fields> {
  const url = new URL(text(fields, 'url'))
  const audience: Audience = {
    size: number(fields, 'users'),
    frames: 0,
    lastAt: 0,
    onFrame: () => undefined,
  }
  audiences.set(url.host, audience)
  await openSockets(url, number(fields, 'first'), audience.size, (bytes, start, end) => {
    audience.frames += 1
    audience.lastAt = sharedNow()
    audience.onFrame(markIn(bytes, start, end))
  })
  return {}
}

/** Resolves when every socket has got the n-th broadcast; tells when the last one did. */
async function everyone(fields: Fields): Promise<Fields> {
  const audience = audienceOf(fields)
  const expected = number(fields, 'broadcasts') * audience.size
  await arrived(audience, () => audience.frames >= expected)
  return { lastAt: audience.lastAt, lost: expected - audience.frames }
}

/** How late frames are whose mark says when they were due, in epoch milliseconds. */
async function lateness(fields: Fields): Promise<Fields> {
  const audience = audienceOf(fields)
  const expected = number(fields, 'items')
  const latencies = new Latencies()
  let early = 0
  let last = 0
  audience.onFrame = (due) => {
    last = Date.now()
    if (last < due) early += 1
    latencies.record(last - due)
  }
  await arrived(audience, () => latencies.count >= expected)
  return { ...latencies.summary(), last, early, lost: expected - latencies.count }
}

async function arrived(audience: Audience, complete: () => boolean): Promise<void> {
  const count = audience.onFrame
  await new Promise<void>((resolve) => {
    const late = setTimeout(finish, LOST_AFTER_MS)
    function finish(): void {
      clearTimeout(late)
      resolve()
    }
    audience.onFrame = (mark) => {
      count(mark)
      if (complete()) finish()
    }
    if (complete()) finish()
  })
  audience.onFrame = () => undefined
}

function audienceOf(fields: Fields): Audience {
  const audience = audiences.get(new URL(text(fields, 'url')).host)
  if (audience === undefined) throw new Error('the sockets are not open')
  return audience
}
