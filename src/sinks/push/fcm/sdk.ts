import type { deleteApp, initializeApp } from 'firebase-admin/app'
import type { getMessaging } from 'firebase-admin/messaging'

/** The parts of the SDK that are used. */
export interface Sdk {
  readonly initializeApp: typeof initializeApp
  readonly deleteApp: typeof deleteApp
  readonly getMessaging: typeof getMessaging
}

/** Loaded only where it is configured: it takes some 15 MB. */
export async function loadSdk(): Promise<Sdk> {
  const [app, messaging] = await Promise.all([
    import('firebase-admin/app'),
    import('firebase-admin/messaging'),
  ])
  const { initializeApp, deleteApp } = app
  return { initializeApp, deleteApp, getMessaging: messaging.getMessaging }
}
