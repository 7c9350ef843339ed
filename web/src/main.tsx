import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import './ui/style/tokens.css';
import './ui/style/layout.css';
import './ui/style/chat.css';
import './ui/style/run.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Athenic } from './app/athenic';
import { App } from './ui/App';
import { AthenicContext } from './ui/context';

const root = document.getElementById('root');
if (root === null) throw new Error('no #root in index.html');
const athenic = new Athenic();
athenic.start();
createRoot(root).render(
  <StrictMode>
    <AthenicContext value={athenic}><App /></AthenicContext>
  </StrictMode>,
);
