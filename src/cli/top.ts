import type { ControlClient } from '../control/client.ts';

export async function top(_client: ControlClient, _name: string): Promise<void> {}
