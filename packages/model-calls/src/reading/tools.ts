import type { ToolCall, ToolDefinition } from '../model-call.ts'
import { excerpt, type Fields, fieldsOf, firstName, jsonOf, jsonOrText, listOf, nameOf, type Report, toText } from './values.ts'

/**
 * A call of a tool as any of the APIs and conventions spells it: nested under `function`, flat, `toolName` and `input`,
 * `toolUseId` ... What is missing becomes '' and is reported.
 */
export function toolCallOf(value: unknown, where: string, report: Report): ToolCall | null {
  const fields = fieldsOf(value)
  if (fields === null) {
    report(`${where}: expected a tool call, got ${excerpt(value)}; it is left out`)
    return null
  }
  const called = fieldsOf(fields['function']) ?? fieldsOf(fields['custom']) ?? fields
  const name = firstName(called['name'], fields['toolName'], fields['tool_name'])
  const id = callIdOf(fields)
  if (name === null) report(`${where}: the tool call names no tool`)
  if (id === null) report(`${where}: the tool call has no id, so that no result can be told to be its own`)
  const given = called['arguments'] ?? called['args'] ?? called['input']
  return {
    id: id ?? '',
    type: 'function',
    function: { name: name ?? '', arguments: given === undefined || given === null ? '{}' : toText(given, where, report) },
  }
}

/** The id of a call, from the call or from its result. `call_id` goes first: items of OpenAI's Responses have an `id` of their own. */
export function callIdOf(fields: Fields): string | null {
  return firstName(
    fields['call_id'],
    fields['tool_call_id'],
    fields['toolCallId'],
    fields['tool_use_id'],
    fields['toolUseId'],
    fields['id'],
  )
}

/** From a list of tool calls or its JSON text. */
export function toolCallsOf(value: unknown, where: string, report: Report): readonly ToolCall[] {
  if (value === undefined || value === null || value === '') return []
  const parsed = jsonOf(value, where, report)
  if (parsed === undefined || parsed === null) return []
  const list = listOf(parsed) ?? Object.values(fieldsOf(parsed) ?? {})
  return list.flatMap((item, index) => toolCallOf(item, `${where}[${index}]`, report) ?? [])
}

/** From a list of tools, each as a record or as its JSON text; null for none. */
export function toolDefinitionsOf(value: unknown, where: string, report: Report): readonly ToolDefinition[] | null {
  if (value === undefined || value === null || value === '') return null
  const parsed = jsonOf(value, where, report)
  if (parsed === undefined || parsed === null) return null
  const list = listOf(parsed) ?? namedTools(parsed)
  const tools = list.flatMap((item, index) => definitionsOf(item, `${where}[${index}]`, report))
  return tools.length === 0 ? null : tools
}

/** The AI SDK and others also keep tools as a record by name. */
function namedTools(value: unknown): readonly unknown[] {
  const tools = fieldsOf(value) ?? {}
  if (nameOf(tools['name']) !== null) return [tools]
  return Object.entries(tools).map(([name, tool]) => ({ name, ...fieldsOf(tool) }))
}

function definitionsOf(value: unknown, where: string, report: Report): readonly ToolDefinition[] {
  const item = fieldsOf(typeof value === 'string' ? jsonOrText(value) : value)
  const declared = item === null ? null : listOf(item['functionDeclarations'] ?? item['function_declarations'])
  if (declared !== null) return declared.flatMap((entry) => definitionOf(fieldsOf(entry), entry, where, report) ?? [])
  return [definitionOf(item, value, where, report) ?? []].flat()
}

function definitionOf(item: Fields | null, value: unknown, where: string, report: Report): ToolDefinition | null {
  const tool = fieldsOf(item?.['function']) ?? fieldsOf(item?.['toolSpec']) ?? item
  const name = tool === null ? null : firstName(tool['name'], item?.['id'], item?.['type'])
  if (tool === null || name === null) {
    report(`${where}: expected the definition of a tool with a name, got ${excerpt(value)}; it is left out`)
    return null
  }
  const description = nameOf(tool['description'])
  const schema = schemaOf(tool, where, report)
  return {
    type: 'function',
    function: { name, ...(description === null ? {} : { description }), ...(schema === undefined ? {} : { parameters: schema }) },
  }
}

function schemaOf(tool: Fields, where: string, report: Report): unknown {
  const schema = tool['parameters'] ?? tool['inputSchema'] ?? tool['input_schema'] ?? tool['schema'] ?? tool['args']
  if (schema === undefined || schema === null || schema === '') return undefined
  const parsed = jsonOf(schema, `${where}.parameters`, report)
  // `json` wraps it where Bedrock defines tools, `jsonSchema` where the AI SDK does.
  const fields = fieldsOf(parsed)
  return fields?.['json'] ?? fields?.['jsonSchema'] ?? parsed
}
