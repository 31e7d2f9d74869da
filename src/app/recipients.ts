import type { Blocklist, Directory, PersonalData, Preferences, Suppressions } from '../api/ports.js'
import type { Config } from '../config/config.js'
import { PostgresBlocklist } from '../state/postgres/blocklist.js'
import { PostgresDevices } from '../state/postgres/devices.js'
import { PostgresDirectory } from '../state/postgres/directory.js'
import { PostgresPersonalData } from '../state/postgres/personal-data.js'
import { PostgresRecipients } from '../state/postgres/recipients.js'
import { PostgresPreferences } from '../state/postgres/subscriptions.js'
import { PostgresSuppressions } from '../state/postgres/suppressions.js'
import type { Recipients } from '../streams/ports.js'
import type { Database } from './database.js'

/** Whom there is to write to, and what they and the operator have decided about it. */
export interface RecipientStores {
  readonly recipients: Recipients
  readonly directory: Directory
  readonly devices: PostgresDevices
  readonly preferences: Preferences
  readonly blocklist: Blocklist
  readonly suppressions: Suppressions
  readonly personalData: PersonalData
  /** What is remembered of an address that was suppressed besides. */
  readonly forgetAddress: PostgresRecipients['forgetAddress']
}

export function openRecipients({ consent, recipients }: Config, database: Database): RecipientStores {
  const { store, reading, changes } = database
  const known = new PostgresRecipients(store, changes, recipients)
  return {
    recipients: known,
    directory: new PostgresDirectory(store, known),
    devices: new PostgresDevices(store, known),
    preferences: new PostgresPreferences(store, known, consent.groups),
    blocklist: new PostgresBlocklist(store, known),
    suppressions: new PostgresSuppressions(store, known),
    personalData: new PostgresPersonalData(reading, known),
    forgetAddress: (address) => known.forgetAddress(address),
  }
}
