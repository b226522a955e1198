import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { compress } from './tools/compress';

// The service that `npm run dev` talks to; the built files are served by it, same origin.
const backend = process.env['TORNALLOM_DEV_BACKEND'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  base: '/app/',
  plugins: [svelte(), compress()],
  build: {
    target: 'es2022',
    // Inlined assets would be data: addresses, which the content security policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // One small sheet: a page that arrives later never changes the look of what is shown.
    cssCodeSplit: false,
  },
  server: { proxy: { '/api': { target: backend, changeOrigin: false } } },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
});
