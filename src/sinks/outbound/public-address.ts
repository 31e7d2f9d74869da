import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** All that IANA has given out as global unicast so far (RFC 4291 §2.4). */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * Azure's WireServer: by its number public, yet it answers with the secrets of the host.
 * https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
 */
const AZURE_WIRE_SERVER = '168.63.129.16'

/**
 * Whether an address is one host on the public internet. Everything that the IANA special-purpose
 * registries name is not, and neither is an IPv6 form that carries an IPv4 address inside (mapped,
 * compatible, NAT64, 6to4, Teredo, ISATAP): what is inside may be anything. Text that is not an
 * address is not public.
 */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return ipaddr.IPv4.parse(address).range() === 'unicast' && address !== AZURE_WIRE_SERVER
    case 6: {
      const parsed = ipaddr.IPv6.parse(address)
      return parsed.range() === 'unicast' && parsed.match(GLOBAL_UNICAST) && !isIsatap(parsed.parts)
    }
    default:
      return false
  }
}

/** RFC 5214 §6.1: the interface identifier is `[02]00:5efe` and an IPv4 address. */
function isIsatap(parts: readonly number[]): boolean {
  return (parts[4] === 0 || parts[4] === 0x200) && parts[5] === 0x5efe
}
