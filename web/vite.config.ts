import { defineConfig, type Plugin } from 'vite';

const server = 'http://127.0.0.1:4170';

/** The two fonts of the first picture are asked for with the page, not after its styles: nothing moves when they arrive. */
const preloadFonts = (): Plugin => ({
  name: 'preload-fonts',
  transformIndexHtml: {
    order: 'post',
    handler: (_html, { bundle }) => Object.keys(bundle ?? {})
      .filter((file) => /(?:inter|jetbrains-mono)-latin-wght-normal-.*\.woff2$/.test(file))
      .map((file) => ({ tag: 'link', attrs: { rel: 'preload', as: 'font', type: 'font/woff2', crossorigin: '', href: `/${file}` }, injectTo: 'head' })),
  },
});

export default defineConfig({
  base: '/',
  plugins: [preloadFonts()],
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
