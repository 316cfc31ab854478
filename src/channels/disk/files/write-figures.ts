/** What the disk logs have asked of the disk, for metrics: write amplification is told from it. */
export interface WriteFigures {
  bytesWritten: number
  syncs: number
}
