export default {
  files: ['test/**/*.test.{ts,tsx}'],
  extensions: ['ts', 'tsx'],
  timeout: '2m',
  workerThreads: false,
};
