import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** What the checks read of a package.json. */
export interface Manifest {
  readonly name?: string
  readonly description?: string
  readonly license?: string
  readonly type?: string
  readonly private?: boolean
  readonly files?: readonly string[]
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly publishConfig?: { readonly access?: string; readonly exports?: Manifest['exports'] }
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

export interface WorkspacePackage {
  readonly kind: 'packages' | 'apps' | 'examples'
  /** The name of its folder. */
  readonly folder: string
  /** Relative to the root, for example `packages/types`. */
  readonly path: string
  readonly manifest: Manifest
  /** Sources that are published or run, relative to the root. */
  readonly sources: readonly string[]
  /** Tests, benchmarks, scripts and configuration, relative to the root. */
  readonly developmentFiles: readonly string[]
}

export interface Workspace {
  readonly root: string
  readonly manifest: Manifest
  readonly packages: readonly WorkspacePackage[]
}

/** A test, or what tests share: `x.test.ts`, `x.test-support.ts`. Neither is published. */
export function isTestFile(file: string): boolean {
  return /\.test(-support)?\.tsx?$/.test(file)
}

const kinds = ['packages', 'apps', 'examples'] as const

/** Reads the packages, apps and examples under `root`, sorted by path. */
export function readWorkspace(root: string): Workspace {
  const packages = kinds.flatMap((kind) =>
    existsSync(path.join(root, kind))
      ? readdirSync(path.join(root, kind))
          .filter((folder) => existsSync(path.join(root, kind, folder, 'package.json')))
          .sort()
          .map((folder) => readPackage(root, kind, folder))
      : [],
  )
  return { root, manifest: readManifest(path.join(root, 'package.json')), packages }
}

function readPackage(root: string, kind: WorkspacePackage['kind'], folder: string): WorkspacePackage {
  const packagePath = `${kind}/${folder}`
  const files = globSync('**/*.{ts,tsx,mts,js,mjs}', {
    cwd: path.join(root, packagePath),
    exclude: (name) => /(^|\/)(node_modules|dist)$/.test(name),
  })
    .map((file) => `${packagePath}/${file.replaceAll(path.sep, '/')}`)
    // `.as.ts` is AssemblyScript, which only looks like TypeScript.
    .filter((file) => !file.endsWith('.as.ts'))
    .sort()
  const isSource = (file: string): boolean => file.startsWith(`${packagePath}/src/`) && !isTestFile(file)
  return {
    kind,
    folder,
    path: packagePath,
    manifest: readManifest(path.join(root, packagePath, 'package.json')),
    sources: files.filter(isSource),
    developmentFiles: files.filter((file) => !isSource(file)),
  }
}

function readManifest(file: string): Manifest {
  return JSON.parse(readFileSync(file, 'utf8')) as Manifest
}
