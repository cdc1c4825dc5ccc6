import {z} from 'zod';

/** The forms in which hack/build-image bakes `nexus/base`: a root file system for containers (`.tar.zst`), and what a virtual machine boots (`.machine.tar`). */
export const imageForm = z.enum(['container', 'machine']);

export type ImageForm = z.infer<typeof imageForm>;
