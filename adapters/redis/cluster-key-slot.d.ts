declare module "cluster-key-slot" {
  /** The slot of a Cluster that a key is in: CRC16 of the key, or of its hash tag. */
  export default function calculateSlot(key: string): number;
}
