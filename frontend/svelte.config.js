import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

export default {
  preprocess: vitePreprocess(),
  compilerOptions: {
    runes: true,
    // A table that is laid out as blocks on a phone loses its meaning without these roles.
    warningFilter: (warning) => warning.code !== 'a11y_no_redundant_roles',
  },
};
