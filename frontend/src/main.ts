import { mount } from 'svelte';
import App from './App.svelte';
import './generated/fonts.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/components.css';
import './styles/tables.css';

const target = document.getElementById('workspace');
if (target) mount(App, { target });
