import type {StoreChoice} from '../server/open-store.ts';

/** The command that starts a server on that store, as people would type it. */
export function serverCommand(choice: StoreChoice): string {
  if (choice.kind === 'sqlite') {
    return 'nexus server';
  }

  const {kubeconfig, context, namespace} = choice;
  return [
    'nexus server --store kubernetes',
    ...(kubeconfig === undefined ? [] : [`--kubeconfig ${kubeconfig}`]),
    ...(context === undefined ? [] : [`--context ${context}`]),
    ...(namespace === undefined ? [] : [`--namespace ${namespace}`]),
  ].join(' ');
}
