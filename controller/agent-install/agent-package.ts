import type {Readable} from 'node:stream';

/** What a program must have been made for to run on a machine: operating system, processor, and C library where it is not glibc. */
export const agentPlatforms = ['linux-x64', 'linux-arm64', 'linux-x64-musl', 'linux-arm64-musl'] as const;

export type AgentPlatform = (typeof agentPlatforms)[number];

/** How the bytes of a file are packed on their way. */
export type Packing = 'none' | 'gzip' | 'zstd';

export type PackageFile = {
  /** Below the folder of the version, with `/`. */
  readonly path: string;
  /** Bytes, unpacked. */
  readonly size: number;
  readonly sha256: string;
  readonly executable: boolean;
  open(packing: Packing): Promise<PackedFile>;
};

export type PackedFile = {
  /** Bytes on the way. */
  readonly size: number;
  readonly content: Readable;
};

/** All that a machine needs to run the agent: the program, what it reads, and Node.js. The same sources make the same package. */
export type AgentPackage = {
  /** Version of Nexus and hash of the content, such as `0.1.0-3f9a2c51d0e7`: fit for the name of a folder. */
  readonly id: string;
  readonly platform: AgentPlatform;
  readonly files: readonly PackageFile[];
};

/** Where packages come from. */
export type AgentPackages = {
  /** Makes it, unless it is there already. Throws AgentPackageError when there is none for that platform. */
  find(platform: AgentPlatform, signal: AbortSignal): Promise<AgentPackage>;
};

/** There is no package for a machine; the message says how to provide what is missing. */
export class AgentPackageError extends Error {
  override readonly name = 'AgentPackageError';
}
