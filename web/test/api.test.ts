import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Api, ApiError, type Fetch } from '../src/core/api';

describe('Api', () => {
  let server: Server;
  let base = '';
  const asked: string[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      const send = (status: number, body: string, headers: Record<string, string> = {}): void => { response.writeHead(status, headers); response.end(body); };
      switch (request.url) {
        case '/api/threads': return send(200, '{"threads":[{"id":"t","title":"x","createdAt":5}]}');
        case '/api/threads/a%2Fb': return send(404, '{"error":"No thread a/b","code":"not_found"}');
        case '/api/threads/busy/messages': return send(429, '{"error":"Too many","code":"overloaded"}', { 'retry-after': '3' });
        case '/api/threads/gone': return send(204, '');
        case '/api/status': return send(502, '<html>bad gateway</html>');
        default: return send(200, 'not JSON');
      }
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    const address = server.address();
    base = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '';
  });
  afterAll(() => new Promise((done) => server.close(done)));
  const api = new Api(((url, request) => fetch(base + url, request as RequestInit)) satisfies Fetch);

  it('reads what the server answers', async () => {
    expect(await api.threads()).toEqual([{ id: 't', title: 'x', createdAt: 5, updatedAt: 5 }]);
    await api.deleteThread('gone');
    expect(asked.at(-1)).toBe('DELETE /api/threads/gone');
  });
  it('turns errors into words of the server', async () => {
    await expect(api.thread('a/b')).rejects.toEqual(new ApiError(404, 'not_found', 'No thread a/b'));
    await expect(api.send('busy', 'x', [], 'auto')).rejects.toMatchObject({ status: 429, retryAfter: 3 });
    await expect(api.status()).rejects.toMatchObject({ status: 502, message: 'The server refused this with status 502.' });
    await expect(api.thread('odd')).rejects.toThrow('the answer is not JSON');
  });
  it('says what to do when nobody answers', async () => {
    const nobody = new Api(() => Promise.reject(new TypeError('fetch failed')));
    await expect(nobody.threads()).rejects.toMatchObject({ status: 0, code: 'unreachable' });
  });
});
