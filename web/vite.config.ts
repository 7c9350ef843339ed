import { defineConfig } from 'vite';

const server = 'http://127.0.0.1:4170';

export default defineConfig({
  base: '/',
  build: {
    target: 'es2023',
    outDir: 'dist',
    emptyOutDir: true,
    // Inlined assets would need `data:` in the page's policy for fonts and scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      // lucide marks its modules for React servers; there is none here.
      onLog(level, log, report) {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') report(level, log);
      },
    },
  },
  server: {
    host: '127.0.0.1',
    proxy: { '/api': server, '/executions': server },
  },
});
