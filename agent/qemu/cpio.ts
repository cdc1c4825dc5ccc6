export type ArchiveFile = {
  readonly path: string;
  readonly mode: number;
  readonly content: string | Uint8Array;
};

/** An archive in cpio's `newc` form, as the kernel unpacks after the initrd that it is appended to. Folders must be there or come first. */
export function cpioArchive(files: readonly (ArchiveFile | {readonly folder: string})[]): Buffer {
  return Buffer.concat([
    ...files.map((file, index) =>
      'folder' in file
        ? entry({path: file.folder, mode: 0o040_755, content: ''}, index + 1)
        : entry({...file, mode: 0o100_000 | file.mode}, index + 1),
    ),
    entry({path: 'TRAILER!!!', mode: 0, content: ''}, 0),
  ]);
}

function entry({path, mode, content}: ArchiveFile, inode: number): Buffer {
  const bytes = Buffer.from(content);
  const name = Buffer.from(`${path}\0`);
  const links = 1;
  // inode, mode, uid, gid, links, time, size, device (2), special device (2), length of the name, checksum (none in this form)
  const fields = [inode, mode, 0, 0, links, 0, bytes.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${fields.map(hexadecimal).join('')}`);
  return Buffer.concat([padded(Buffer.concat([header, name])), padded(bytes)]);
}

function hexadecimal(value: number): string {
  return value.toString(16).padStart(8, '0');
}

/** To a multiple of four bytes. */
export function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
