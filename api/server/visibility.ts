import type {ListOptions, Storage} from '../storage/storage.ts';
import {isStorageError} from '../storage/storage-error.ts';
import type {Caller} from '../v1alpha1/admission.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import type {ServedKind} from '../v1alpha1/validate.ts';

/**
 * What of the store a caller sees. An admin: everything. A user: the own Workspaces, the own User, Events about these, and all Nodes without
 * what only concerns the server (`identityFile`, `agentCommand`, `portsInUse`): who declares where a workspace runs must know where it can.
 */
export type Visibility = {
  sees(object: Stored): Promise<boolean>;
  redact<K extends ServedKind>(object: Stored<K>): Stored<K>;
  /** Narrows a list or watch as far as selectors can. */
  scope<O extends Pick<ListOptions, 'fields'>>(kind: ServedKind, options: O): O;
  /** Whether a list in that scope must also go through {@link select}. */
  filters(kind: ServedKind): boolean;
  select<K extends ServedKind>(objects: readonly Stored<K>[]): Promise<Stored<K>[]>;
};

export function createVisibility(storage: Storage, caller: Caller): Visibility {
  const admin = caller.role === 'admin';

  const ownsWorkspace = async (name: string, uid: string | undefined): Promise<boolean> => {
    try {
      const {metadata, spec} = await storage.get('Workspace', name);
      return spec.owner === caller.name && (uid === undefined || metadata.uid === uid);
    } catch (error) {
      if (isStorageError(error, 'NotFound')) {
        return false;
      }

      throw error;
    }
  };

  const sees = async (object: Stored): Promise<boolean> => {
    if (admin || object.kind === 'Node') {
      return true;
    }

    switch (object.kind) {
      case 'Workspace': {
        return object.spec.owner === caller.name;
      }

      case 'User': {
        return object.metadata.name === caller.name;
      }

      case 'Event': {
        const {kind, name, uid} = object.spec.regarding;
        return kind === 'User' ? name === caller.name : kind === 'Workspace' && ownsWorkspace(name, uid);
      }

      default: {
        return false;
      }
    }
  };

  const redact = <K extends ServedKind>(object: Stored<K>): Stored<K> => {
    if (admin || object.kind !== 'Node') {
      return object;
    }

    const copy = structuredClone(object);
    if (copy.kind === 'Node') {
      delete copy.spec.identityFile;
      delete copy.spec.agentCommand;
      delete copy.status?.portsInUse;
    }

    return copy;
  };

  return {
    sees,
    redact,
    scope(kind, options) {
      const field = ownField[kind];
      if (admin || field === undefined) {
        return options;
      }

      const asked = options.fields?.[field];
      // Somebody else's: nothing matches a name that can't be.
      const value = asked === undefined || asked === caller.name ? caller.name : '/';
      return {...options, fields: {...options.fields, [field]: value}};
    },
    filters: kind => !admin && (kind === 'Event' || kind === 'Node'),
    async select(objects) {
      const verdicts = await Promise.all(objects.map(object => sees(object)));
      return objects.filter((_, index) => verdicts[index] === true).map(object => redact(object));
    },
  };
}

/** The field that makes an object of a kind one's own. */
const ownField: Readonly<Partial<Record<ServedKind, string>>> = {
  Workspace: 'spec.owner',
  User: 'metadata.name',
};
