// The rule of a traffic shaper that sorts what pods send by a mark. In go value and mask, out comes the command.
export function markPodTraffic(mark: string): string {
  return `iptables -t mangle -A PREROUTING -i cni0 -m comment --comment "shaper: pods" -j MARK --set-xmark ${mark}`;
}
