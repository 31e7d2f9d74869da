/** How often somebody wants to be told. */
export const FREQUENCIES = ['immediate', 'hourly', 'daily', 'weekly'] as const
export type Frequency = (typeof FREQUENCIES)[number]
/** Everything but `immediate` collects into a digest. */
export type DigestFrequency = Exclude<Frequency, 'immediate'>
