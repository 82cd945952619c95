import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'

/** One open file. Statements are prepared once and kept by their text, so texts must not carry values. */
export interface Database {
  /** The first row, or undefined. */
  get<Row>(sql: string, ...values: readonly SQLInputValue[]): Row | undefined
  all<Row>(sql: string, ...values: readonly SQLInputValue[]): readonly Row[]
  /** Row by row; no other statement may change what it reads meanwhile. */
  iterate<Row>(sql: string, ...values: readonly SQLInputValue[]): Iterable<Row>
  /** How many rows it changed. */
  run(sql: string, ...values: readonly SQLInputValue[]): number
  /** The ordinal of the row it inserted. */
  insert(sql: string, ...values: readonly SQLInputValue[]): number
  /** Several statements, without values. */
  execute(sql: string): void
  /** False after an error that made SQLite roll back by itself. */
  readonly isInTransaction: boolean
  close(): void
}

/**
 * Opens without looking at the content: SQLite reads the file at the first statement.
 * @param options.timeoutMs how long a statement may block this thread while another connection holds the file
 */
export function openDatabase(file: string, options: { readonly timeoutMs: number }): Database {
  const connection = new DatabaseSync(file, { timeout: options.timeoutMs, enableForeignKeyConstraints: false })
  const statements = new Map<string, StatementSync>()
  const prepare = (sql: string): StatementSync => {
    const known = statements.get(sql)
    if (known !== undefined) return known
    const statement = connection.prepare(sql)
    statements.set(sql, statement)
    return statement
  }
  return {
    get: <Row>(sql: string, ...values: readonly SQLInputValue[]) => prepare(sql).get(...values) as Row | undefined,
    all: <Row>(sql: string, ...values: readonly SQLInputValue[]) => prepare(sql).all(...values) as unknown as readonly Row[],
    // Not from the kept statements: two iterations of the same one would disturb each other.
    iterate: <Row>(sql: string, ...values: readonly SQLInputValue[]) =>
      connection.prepare(sql).iterate(...values) as unknown as Iterable<Row>,
    run: (sql, ...values) => Number(prepare(sql).run(...values).changes),
    insert: (sql, ...values) => Number(prepare(sql).run(...values).lastInsertRowid),
    execute: (sql) => connection.exec(sql),
    get isInTransaction() {
      return connection.isTransaction
    },
    close: () => connection.close(),
  }
}
