/** What BullMQ wants of the URL of a Redis. */
export function redisAddress({ url }: { readonly url: string }): {
  readonly host: string
  readonly port: number
} {
  const { hostname, port } = new URL(url)
  return { host: hostname, port: Number(port) }
}
