// What VXLAN puts around a packet, by the family of what carries it: IP (20 bytes, 40 for IPv6), UDP, VXLAN and the inner
// Ethernet header (flannel 0.28, pkg/backend/vxlan: MTU of the carrying device less 50, less 70 over IPv6).
export const vxlanOverheadBytes = { 4: 50, 6: 70 } as const;
