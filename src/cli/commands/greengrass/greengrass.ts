/** `greengrass`: commands for users of AWS IoT Greengrass. */
import type { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { addPlanCommand } from './plan.ts'

export function addGreengrassCommand(program: Command, context: CliContext): void {
  const greengrass = program
    .command('greengrass')
    .description('move a Greengrass v1 group to Greengrass v2')
  addPlanCommand(greengrass, context)
}
