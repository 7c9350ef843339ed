// A headless Chromium of the system's, and pages that keep what they did.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const PLACES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export function launch() {
  const executablePath = PLACES.find((path) => path !== undefined && existsSync(path));
  if (executablePath === undefined) throw new Error('No Chromium: apt-get install chromium, or set CHROMIUM to its path');
  return chromium.launch({
    executablePath,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
  });
}

/** A page whose requests, sockets and complaints are kept in `requests` and `complaints`. */
export async function open(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  const requests = [];
  const complaints = [];
  context.on('request', (request) => requests.push(request.url()));
  page.on('websocket', (socket) => requests.push(socket.url()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
  await page.goto(url);
  return { context, page, requests, complaints };
}

/** The requests that left the server's origin. */
export function foreign(requests, url) {
  const { host } = new URL(url);
  return requests.filter((request) => !/^(data|blob|about):/.test(request) && new URL(request).host !== host);
}
