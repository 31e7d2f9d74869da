import { Failure } from '../model/failure.js'
import type { Notification } from '../model/notification.js'
import type { Rendered, Verdict } from '../model/verdict.js'
import type { Stage } from './stage.js'

/** Turns a notification's text and variables into what the recipient reads. Throws a `Failure` that names what is wrong. */
export interface Renderer {
  render(notification: Notification): Rendered
}

/**
 * Fills in the texts. Inline text without variables is taken as it is; with
 * variables it is a template. What was rendered once stays as it is.
 */
export function rendering(renderer: Renderer): Stage {
  return {
    name: 'render',
    concerns: (notification) => notification.variables !== null || notification.templateId !== null,
    check: async (notifications) => notifications.map((notification) => verdict(renderer, notification)),
  }
}

function verdict(renderer: Renderer, notification: Notification): Verdict {
  if (notification.templateId !== null) {
    return {
      kind: 'reject',
      failure: Failure.field('template_not_found', '/template_id', 'names no template of this tenant'),
    }
  }
  try {
    return { kind: 'pass', rendered: renderer.render(notification) }
  } catch (error) {
    if (error instanceof Failure) return { kind: 'reject', failure: error }
    throw error
  }
}
