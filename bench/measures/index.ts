import type { Measure } from '../measure.js'
import { accept } from './accept.js'
import { across } from './across.js'
import { batch } from './batch.js'
import { broadcast } from './broadcast.js'
import { due } from './due.js'
import { email } from './email.js'
import { endToEnd } from './end-to-end.js'
import { fairness } from './fairness.js'
import { grpc } from './grpc.js'
import { isolation } from './isolation.js'
import { judging } from './judging.js'
import { kafka } from './kafka.js'
import { queue } from './queue.js'
import { render } from './render.js'
import { webhook } from './webhook.js'

export const MEASURES: readonly Measure[] = [
  accept,
  grpc,
  judging,
  endToEnd,
  broadcast,
  due,
  batch,
  queue,
  render,
  webhook,
  email,
  isolation,
  fairness,
  across,
  kafka,
]
