import type { Request, Response } from 'express'
import type { AppParts } from './app.ts'

export async function handleTraces(_request: Request, response: Response, _parts: AppParts): Promise<void> {
  response.status(501).end()
}
