/**
 * How far a pipeline has come in the log of its channel: `pipelines/<pipeline>/position.json`. What it
 * has written says so too, in the names of its files; but of messages that are all dropped there is
 * no file. So the position is the larger of the two, and one that is lost costs work and no data.
 */
import * as z from 'zod'
import { readPipelineFile, writePipelineFile } from './json-file.ts'

const position = z.strictObject({
  /** Of the pipeline: another one may have had the name before. */
  createdAt: z.number(),
  logId: z.string().regex(/^[0-9a-f]{8}$/),
  /** Messages below are processed. */
  offset: z.int().min(0),
})

export type Position = z.output<typeof position>

const FILE = { name: 'position.json', schema: position }

export function readPosition(directory: string, pipeline: string): Promise<Position | undefined> {
  return readPipelineFile({ ...FILE, directory, pipeline })
}

/** @throws {ConnectorError} StorageFailed */
export function writePosition(
  directory: string,
  pipeline: string,
  position: Position,
): Promise<void> {
  return writePipelineFile({ ...FILE, directory, pipeline }, position)
}
