import { BlockList, isIP } from "node:net";

/**
 * Whether a URL's host is this machine, a private network, or the address where clouds keep their
 * machines' credentials. Names are judged by themselves and not resolved: one whose DNS leads to such an
 * address passes.
 */
export function isPrivateHost(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/^\[|\]$|\.$/g, "");
  switch (isIP(host)) {
    case 4:
      return privateAddresses.check(host, "ipv4");
    case 6:
      return privateAddresses.check(host, "ipv6");
    default:
      return !host.includes(".") || privateName.test(host);
  }
}

/** Names that never leave a network; `metadata.google.internal` is among them. */
const privateName = /(^|\.)(localhost|local|internal|intranet|lan|home\.arpa)$/;

/** https://www.iana.org/assignments/iana-ipv4-special-registry and -ipv6-, read 2025-11-20. */
const privateAddresses = new BlockList();
for (const [network, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const) {
  privateAddresses.addSubnet(network, bits, "ipv4");
}
for (const [network, bits] of [
  ["::", 127],
  ["64:ff9b::", 32], // NAT64: holds any IPv4 address
  ["100::", 64],
  ["2001::", 32], // Teredo, the same
  ["2002::", 16], // 6to4, the same
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
] as const) {
  privateAddresses.addSubnet(network, bits, "ipv6");
}
