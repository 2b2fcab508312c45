// Looking things up in sets of the packet filter: what the trace needs of it. The indexes are the model's own business.
export { findElement, isOtherFamily } from './filter/element-index.ts';
export type { Found } from './filter/element-index.ts';
export type { PacketValue } from './filter/sort-key.ts';
export { testIpset } from './filter/ipset-index.ts';
